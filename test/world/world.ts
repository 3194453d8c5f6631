import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createLog, silentLog } from "@holdfast/runtime";
import { WorldClock } from "./clock.ts";
import { eventually } from "./eventually.ts";
import { WorldHub } from "./hub.ts";
import { Machine } from "./machine.ts";
import { WorldSite } from "./site.ts";
import type { Versions } from "./versions.ts";
import type { Carried } from "./wan.ts";

export interface WorldOptions {
  /** Names of sites in project `default`. */
  readonly sites?: readonly string[];
  /** Which versions of the protocol they speak, where it is not this program's. */
  readonly versions?: Versions;
}

export interface MachineOptions {
  readonly site: string;
  /** Which captured or synthetic machine it is. */
  readonly tree?: string;
  /** The host that its token admits; any when absent. */
  readonly admits?: string;
  /** The token it is given; a new one when absent. */
  readonly token?: string;
  /** What its own clock shows now, in milliseconds since the epoch; the world's time when absent. */
  readonly clock?: number;
  /** The version of the protocol that its agent speaks, where it is not the world's. */
  readonly protocol?: number;
}

/**
 * The real hub, site-nodes and agents in one process, with real stores, broker and codecs. Clock and links are the
 * world's, so a test can push time and cut cables. Nothing outlives it.
 */
export class World {
  readonly clock = new WorldClock();
  readonly hub: WorldHub;
  /** All that is on disk. */
  readonly folder = mkdtempSync(`${inMemory()}/holdfast-world-`);
  // Set HOLDFAST_TEST_LOG=debug to see what the programs say.
  readonly log = process.env.HOLDFAST_TEST_LOG ? createLog("world", process.env.HOLDFAST_TEST_LOG) : silentLog;
  readonly #sites = new Map<string, WorldSite>();
  readonly #machines: Machine[] = [];

  readonly #versions: Versions;

  constructor(versions: Versions = {}) {
    this.#versions = versions;
    this.hub = new WorldHub(`${this.folder}/hub`, this.#surroundings("hub"));
    this.hub.protocolVersion = versions.hub;
  }

  site(name: string): WorldSite {
    const site = this.#sites.get(name);
    if (!site) throw new Error(`this world has no site ${name}`);
    return site;
  }

  wan(name: string) {
    return this.site(name).wan;
  }

  /** A site with its region at the hub, its token, and its site-node running. */
  async addSite(
    name: string,
    project = "default",
    { onCarried }: { readonly onCarried?: (carried: Carried) => void } = {},
  ): Promise<WorldSite> {
    const base = `/v1/projects/${project}`;
    const region = await this.hub.ask("POST", `${base}/regions`, { name: `region of ${name}` });
    const made = await this.hub.ask("POST", `${base}/sites`, { name, regionId: region.resourceId });
    const { token } = await this.hub.ask("POST", `${base}/sites/${made.resourceId}/tokens`, {});
    const facts = { name, project, id: made.resourceId, token };
    const site = new WorldSite(facts, `${this.folder}/site-${name}`, this.hub, this.#surroundings(name));
    site.protocolVersion = this.#versions.site;
    site.wan.onCarried = onCarried;
    await site.start();
    this.#sites.set(name, site);
    return site;
  }

  /** A project with an operator of its own. */
  async addProject(name: string): Promise<{ readonly token: string }> {
    return this.hub.addProject(name);
  }

  /** A machine at a site, with a token that admits it; its agent starts with `boot`. */
  async machine({ site, tree = "synthetic-dimm-nvme-server", ...options }: MachineOptions): Promise<Machine> {
    const at = this.site(site);
    const token = options.token ?? (await at.enrolmentToken(options.admits));
    const surroundings = this.#surroundings(`machine at ${site}`);
    const clock = options.clock === undefined ? surroundings.clock : this.clock.showing(options.clock);
    const folder = `${this.folder}/machine-${this.#machines.length + 1}`;
    const machine = await Machine.plugIn(at, folder, tree, token, { ...surroundings, clock });
    machine.protocolVersion = options.protocol ?? this.#versions.agent;
    this.#machines.push(machine);
    return machine;
  }

  /** A machine that is switched on, admitted, and shown at the hub with its hardware. */
  async runningMachine(options: MachineOptions): Promise<{ readonly machine: Machine; readonly id: string }> {
    const machine = await this.machine(options);
    await machine.boot();
    const id = await eventually(async () => {
      const shown = await this.hub.host(this.site(options.site).project, machine.known ?? "");
      assert.equal(shown.hostStatus, "Running");
      assert.match(shown.memoryBytes, /^[1-9]/);
      assert.equal(shown.observedGeneration, shown.generation);
      return shown.resourceId as string;
    });
    return { machine, id };
  }

  #surroundings(name: string) {
    // Each has a clock of its own, which may be wrong.
    return { clock: new WorldClock(), log: this.log.child({ of: name }) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#machines) await machine.unplug();
    for (const site of this.#sites.values()) await site.stop();
    await this.hub.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function createWorld({ sites = [], versions }: WorldOptions = {}): Promise<World> {
  const world = new World(versions);
  await world.hub.start();
  for (const name of sites) await world.addSite(name);
  return world;
}

/** A folder whose files are in memory, where there is one: nothing here is to outlive the process. */
function inMemory(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}
