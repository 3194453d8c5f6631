import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Agent, createAgent } from "@holdfast/agent";
import { AgentConfig } from "@holdfast/agent/config";
import { type HardwareOptions, readHardware } from "@holdfast/agent/hardware/read";
import type { SwitchMachine } from "@holdfast/agent/power";
import type { HardwareReport } from "@holdfast/protocol/messages";
import { type Log, readConfig } from "@holdfast/runtime";
import { Relay } from "@holdfast/runtime/relay";
import { Program } from "../simulation/program.ts";
import { simulation } from "../simulation/simulation.ts";
import type { WorldClock } from "./clock.ts";
import type { WorldSite } from "./site.ts";
import { speaking } from "./versions.ts";

const TREES = fileURLToPath(new URL("../../agent/fixtures/trees/", import.meta.url));

/** How long an operating system takes to begin with what it was asked for, milliseconds. */
const A_MOMENT = 500;

/** Where a machine stands. */
interface Place {
  site: WorldSite;
}

/** A machine of a world: a tree of /sys and /proc of its own, an agent that reads it, and a cable to its site. */
export class Machine {
  /** Where its /sys and /proc are: change a file and the hardware has changed. */
  readonly root: string;
  readonly #stateDir: string;
  readonly #surroundings: { clock: WorldClock; log: Log };
  readonly #cables: { http: Relay; mqtt: Relay };
  readonly #place: Place;
  /** How it was switched from afar, in order: what its own operating system would have done. */
  readonly switched: ("off" | "reset")[] = [];
  /** When each of that was, milliseconds of the world's time. */
  readonly switchedAt: number[] = [];
  /** The version of the protocol that its agent speaks from its next boot on; this program's when undefined. */
  protocolVersion: number | undefined;
  /** How often its hardware is looked at. */
  rescanSeconds = 30;
  #seen: HardwareReport | undefined;
  #boots = 0;
  #isPluggedIn = true;
  #isSilent = false;
  #known: string | undefined;
  #agent: Agent | undefined;
  #program = new Program("agent");

  private constructor(
    place: Place,
    folders: { root: string; stateDir: string },
    surroundings: { clock: WorldClock; log: Log },
    cables: { http: Relay; mqtt: Relay },
  ) {
    this.#place = place;
    this.root = folders.root;
    this.#stateDir = folders.stateDir;
    this.#surroundings = surroundings;
    this.#cables = cables;
  }

  static async plugIn(
    site: WorldSite,
    folder: string,
    tree: string,
    token: string,
    surroundings: { clock: WorldClock; log: Log },
  ): Promise<Machine> {
    const folders = { root: `${folder}/root`, stateDir: `${folder}/state` };
    mkdirSync(folders.stateDir, { recursive: true });
    cpSync(`${TREES}${tree}`, folders.root, { recursive: true, verbatimSymlinks: true });
    writeFileSync(`${folder}/token`, token, { mode: 0o600 });
    const place: Place = { site };
    const http = await Relay.to(() => place.site.ports.site);
    const mqtt = await Relay.to(() => place.site.ports.mqtt);
    return new Machine(place, folders, surroundings, { http, mqtt });
  }

  get site(): WorldSite {
    return this.#place.site;
  }

  /** Somebody plugs it in at another site, where its site-node answers at the same address. */
  carryTo(site: WorldSite): void {
    this.#place.site = site;
    this.#isSilent = false;
    for (const cable of [this.#cables.http, this.#cables.mqtt]) {
      cable.cut();
      cable.restore();
    }
  }

  /** Starts the agent. */
  async boot(): Promise<void> {
    const settings = [
      ...["--state-dir", this.#stateDir, "--root", this.root],
      ...["--site-url", `http://127.0.0.1:${this.#cables.http.port}`],
      ...["--mqtt-port", String(this.#cables.mqtt.port)],
      ...["--enrol-token-file", `${this.#stateDir}/../token`],
      ...["--telemetry-seconds", "0", "--rescan-seconds", String(this.rescanSeconds), "--allow-power"],
    ];
    const config = readConfig(AgentConfig, { arguments: settings, environment: {} });
    this.#boots += 1;
    const power: SwitchMachine = async ({ action }) => this.#switch(action);
    const bootId = `boot-${this.#boots}`;
    const program = new Program("agent");
    this.#program = program;
    await program.whole(async () => {
      this.#agent = createAgent(config, {
        ...{ ...this.#surroundings, ...speaking(this.protocolVersion) },
        ...{ readHardware: (options) => this.#look(options), bootId, power },
      });
      await this.#agent.start();
    });
  }

  /** What is below `root` is read once for all looks until it changes: a look costs more than all else that an agent does. */
  async #look(options: HardwareOptions): Promise<HardwareReport> {
    this.#seen ??= await readHardware(options);
    return { ...this.#seen, observedAt: options.now };
  }

  /** As an operating system that shuts down a moment after it is asked to, and comes up again after a reset. */
  #switch(action: "off" | "reset"): void {
    this.switched.push(action);
    this.switchedAt.push(simulation().time.now());
    simulation().time.after(A_MOMENT, () => void this.#obey(action));
  }

  async #obey(action: "off" | "reset"): Promise<void> {
    await this.shutDown();
    // Somebody may have switched it on meanwhile, or it is plugged in nowhere any more.
    if (action === "reset" && !this.isOn && this.#isPluggedIn) await this.boot();
  }

  /** Ends the agent as a shutdown does: it says goodbye. */
  async shutDown(): Promise<void> {
    const closing = this.#agent;
    this.#agent = undefined;
    // The one that runs now: it may be booted again before this one is down.
    const program = this.#program;
    if (program.isAlive) await program.whole(async () => closing?.close());
    program.kill();
  }

  /** Ends the agent as a pulled plug does: nobody says anything, and the connection breaks. */
  async kill(): Promise<void> {
    await this.#agent?.cut();
    this.#agent = undefined;
  }

  /** Ends the agent as SIGKILL does: the kernel closes what it had open. */
  crash(): void {
    this.#program.kill();
    this.#agent = undefined;
  }

  /** Its clock, which may be wrong. */
  get clock(): WorldClock {
    return this.#surroundings.clock;
  }

  /** What runs its agent now. */
  get program(): Program {
    return this.#program;
  }

  /** The cable carries nothing more, and neither end is told. */
  goSilent(): void {
    this.#isSilent = true;
    this.#cables.mqtt.stall();
  }

  speakAgain(): void {
    this.#isSilent = false;
    this.#cables.mqtt.restore();
  }

  /** Undefined until it is admitted, and while it is off. */
  get hostId(): string | undefined {
    this.#known = this.#agent?.status.hostId ?? this.#known;
    return this.#agent?.status.hostId;
  }

  /** The host it is or was last known to be. */
  get known(): string | undefined {
    return this.hostId ?? this.#known;
  }

  /** What it will say it is. */
  async identity(): Promise<{ serialNumber: string; uuid: string }> {
    const { system } = await readHardware({ root: this.root, now: this.#surroundings.clock.now() });
    if (!system?.serialNumber || !system.uuid) throw new Error("this machine has neither serial number nor UUID");
    return { serialNumber: system.serialNumber, uuid: system.uuid };
  }

  /** The disks that it has now, by name. */
  async disks(): Promise<string[]> {
    const { storages } = await readHardware({ root: this.root, now: this.#surroundings.clock.now() });
    return storages.map(({ deviceName }) => deviceName ?? "").toSorted();
  }

  removeDisk(deviceName: string): void {
    rmSync(`${this.root}/sys/block/${deviceName}`, { recursive: true, force: true });
    this.#seen = undefined;
  }

  get isOn(): boolean {
    return this.#agent !== undefined;
  }

  /** Whether its agent runs and its cable carries what it says. */
  get isHeard(): boolean {
    return this.isOn && !this.#isSilent;
  }

  /** The one-time token that it was given. */
  get token(): string {
    return readFileSync(`${this.#stateDir}/../token`, "utf8");
  }

  /** What its agent keeps of its enrolment. */
  enrolment(): { hostId: string; secret: string } {
    return JSON.parse(readFileSync(`${this.#stateDir}/enrolment.json`, "utf8"));
  }

  get agent(): Agent {
    if (!this.#agent) throw new Error("this machine is off");
    return this.#agent;
  }

  async unplug(): Promise<void> {
    this.#isPluggedIn = false;
    await this.kill();
    await Promise.all([this.#cables.http.close(), this.#cables.mqtt.close()]);
  }
}
