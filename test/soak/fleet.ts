import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { systemClock } from "@holdfast/runtime";
import { Machine } from "./machine.ts";
import type { Cable, Network } from "./network.ts";
import { Party, PROJECT } from "./party.ts";
import { Program } from "./program.ts";
import { seededRandom } from "./random.ts";
import type { Timeline } from "./timeline.ts";

export interface FleetOptions {
  readonly folder: string;
  readonly network: Network;
  readonly sites: number;
  /** Of each site. */
  readonly agents: number;
  readonly seed: number;
  readonly timeline: Timeline;
}

export interface Site {
  readonly name: string;
  readonly id: string;
  readonly program: Program;
  readonly party: Party;
  readonly wan: Cable;
  readonly machines: readonly Machine[];
}

interface SitePorts {
  readonly site: number;
  readonly mqtt: number;
}

const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
const TOKEN_HOLDS = 86_400;
const HEARD_WITHIN = 60_000;

/** A hub, its sites and their machines, each program a process with a home of its own, and the cables between them. */
export class Fleet {
  readonly hub: Program;
  readonly atHub: Party;
  readonly sites: Site[] = [];
  readonly #options: FleetOptions;
  readonly #hubPort: number;

  private constructor(options: FleetOptions, at: readonly string[], hubPort: number) {
    const { folder, network, timeline } = options;
    this.#options = options;
    this.#hubPort = hubPort;
    this.atHub = this.#party("hub", hubPort);
    this.hub = new Program({
      ...{ name: "hub", at, timeline, environment: ENVIRONMENT, log: `${folder}/hub.log` },
      arguments: [
        ...["hub", "run", "--home", `${folder}/hub`],
        ...["--hub-port", String(hubPort), "--listen", network.listen, "--tls", "at-proxy"],
      ],
      isReady: () => isHealthy(this.atHub),
    });
  }

  /** Resolves when hub and sites run and know of one another; the machines are off. */
  static async open(options: FleetOptions, signal: AbortSignal): Promise<Fleet> {
    const { network } = options;
    mkdirSync(`${options.folder}/hub`, { recursive: true });
    const fleet = new Fleet(options, await network.place("hub"), await network.port(8080));
    await fleet.hub.start(signal);
    for (let number = 1; number <= options.sites && !signal.aborted; number += 1) {
      const site = await fleet.#addSite(`site-${number}`);
      fleet.sites.push(site);
      await site.program.start(signal);
      await hearsItsHub(site.party, signal);
    }
    // A site that has never heard its hub lets nobody in: until now that was as it must be.
    for (const party of fleet.parties) party.complaints.length = 0;
    return fleet;
  }

  async #addSite(name: string): Promise<Site> {
    const { folder, network, timeline, agents } = this.#options;
    const home = `${folder}/${name}`;
    mkdirSync(home);
    const region = await this.atHub.ask("POST", `${PROJECT}/regions`, { name: `region of ${name}` });
    const { resourceId: id } = await this.atHub.ask("POST", `${PROJECT}/sites`, { name, regionId: region.resourceId });
    const { token } = await this.atHub.ask("POST", `${PROJECT}/sites/${id}/tokens`, {});
    writeFileSync(`${home}/token`, token, { mode: 0o600 });

    const at = await network.place(name);
    const ports = { site: await network.port(8081), mqtt: await network.port(1883) };
    const wan = await network.lay({ name: `hub ⇄ ${name}`, near: name, far: "hub", ports: [this.#hubPort] });
    const hub = wan.reaches(this.#hubPort);
    const party = this.#party(name, ports.site);
    const program = new Program({
      ...{ name, at, timeline, environment: ENVIRONMENT, log: `${folder}/${name}.log` },
      arguments: [
        ...["site", "run", "--home", home, "--hub-url", `http://${hub.host}:${hub.port}`, "--site-id", id],
        ...["--token-file", `${home}/token`, "--listen", network.listen],
        ...["--site-port", String(ports.site), "--mqtt-port", String(ports.mqtt)],
      ],
      isReady: () => isHealthy(party),
    });
    const machines: Machine[] = [];
    for (let number = 1; number <= agents; number += 1) {
      machines.push(await this.#addMachine({ name, id }, `${name}-agent-${number}`, ports));
    }
    return { name, id, program, party, wan, machines };
  }

  async #addMachine(site: Pick<Site, "name" | "id">, name: string, ports: SitePorts): Promise<Machine> {
    const { folder, network, timeline, seed } = this.#options;
    const at = await network.place(name);
    const between = { name: `${site.name} ⇄ ${name}`, near: name, far: site.name };
    const path = `${PROJECT}/sites/${site.id}/enrolment-tokens`;
    const { token } = await this.atHub.ask("POST", path, { validSeconds: TOKEN_HOLDS });
    return new Machine({
      ...{ name, folder: `${folder}/${name}`, at, token, timeline, random: seededRandom(seed, name) },
      cable: await network.lay({ ...between, ports: Object.values(ports) }),
      sitePort: ports.site,
      mqttPort: network.keepsPorts ? undefined : ports.mqtt,
    });
  }

  #party(name: string, port: number): Party {
    const { folder, network, timeline } = this.#options;
    const token = () => readFileSync(`${folder}/hub/operator-token`, "utf8").trim();
    return new Party(name, { url: `http://${network.hostOf(name)}:${port}`, token, timeline });
  }

  get machines(): readonly Machine[] {
    return this.sites.flatMap(({ machines }) => machines);
  }

  /** Every program, those that others need first. */
  get programs(): readonly Program[] {
    return [this.hub, ...this.sites.map(({ program }) => program), ...this.machines.map(({ agent }) => agent)];
  }

  get cables(): readonly Cable[] {
    return [...this.sites.map(({ wan }) => wan), ...this.machines.map(({ cable }) => cable)];
  }

  get parties(): readonly Party[] {
    return [this.atHub, ...this.sites.map(({ party }) => party)];
  }
}

async function isHealthy(party: Party): Promise<boolean> {
  return (await party.request("GET", "/v1/health")).is === "done";
}

/** An operator is let in at a site once it has the tokens that open the hub. */
async function hearsItsHub(site: Party, signal: AbortSignal): Promise<void> {
  const deadline = systemClock.monotonic() + HEARD_WITHIN;
  while (!signal.aborted) {
    const status = await site.ask("GET", "/v1/status").catch(() => undefined);
    if (status?.phase.is === "settled" && status.idsLeft > 0) return;
    if (systemClock.monotonic() > deadline) throw new Error(`${site.name} has not heard its hub within a minute`);
    await systemClock.sleep(100);
  }
}
