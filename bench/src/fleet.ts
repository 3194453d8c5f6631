import { randomUUID } from "node:crypto";
import type { Run } from "./benchmark.ts";
import { type CountingRelay, relayTo } from "./counting-relay.ts";
import { pause, startWorker, until, type Worker } from "./processes.ts";
import { type Listening, startHub, startSite } from "./programs.ts";
import { PROJECT, type SeededHub, seededHub } from "./seed.ts";

interface Status {
  readonly hosts: { readonly held: number; readonly connected: number };
  readonly unsent: { readonly entries: number };
  readonly replica: readonly { readonly scope: string; readonly position: string }[];
}

interface Enrolled {
  readonly hostId: string;
  readonly secret: string;
  readonly mqtt: { readonly port: number };
}

/** A hub, a site-node behind a relay that counts, and the agents of that site, each program in a process of its own. */
export class Fleet implements AsyncDisposable {
  readonly seed: SeededHub;
  readonly hub: Listening;
  readonly relay: CountingRelay;
  readonly site: Listening;
  #agents: Worker | undefined;

  private constructor(seed: SeededHub, parts: { hub: Listening; relay: CountingRelay; site: Listening }) {
    this.seed = seed;
    this.hub = parts.hub;
    this.relay = parts.relay;
    this.site = parts.site;
  }

  /** All hosts are registered, none is there yet. */
  static async open(run: Run, hosts: number): Promise<Fleet> {
    const seed = await seededHub(run, { sites: 1, hosts });
    const hub = await startHub(seed.home);
    const relay = await relayTo(hub.url);
    const [site] = seed.sites;
    if (!site) throw new Error("the hub has no site");
    const fleet = new Fleet(seed, { hub, relay, site: await startSite(run, { hubUrl: relay.url, site }) });
    await until("the site holds its hosts", async () => (await fleet.status()).hosts.held === hosts || undefined, 120);
    return fleet;
  }

  async status(): Promise<Status> {
    return (await fetch(`${this.site.url}/v1/status`)).json() as Promise<Status>;
  }

  /** A token that admits one machine. */
  async enrolmentToken(hostId?: string): Promise<string> {
    const path = `/v1/projects/${PROJECT}/sites/${this.seed.sites[0]?.id}/enrolment-tokens`;
    const response = await fetch(`${this.hub.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.seed.operatorToken}`, "content-type": "application/json" },
      body: JSON.stringify(hostId === undefined ? {} : { hostId }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return ((await response.json()) as { token: string }).token;
  }

  /** Enrols every host and connects it; resolves when the site has no more to say of that to the hub. */
  async connectAll(run: Run): Promise<void> {
    const { hosts, sites } = this.seed;
    run.tell(`enrolling and connecting ${hosts.length} agents`);
    const tokens: { hostId: string; token: string }[] = [];
    for (const hostId of hosts) tokens.push({ hostId, token: await this.enrolmentToken(hostId) });
    await this.#settledReplica();
    const enrolled: Enrolled[] = [];
    for (const { hostId, token } of tokens) enrolled.push(await this.#enrol(hostId, token));
    const port = enrolled[0]?.mqtt.port;
    this.#agents = await startWorker("agents", { port, siteId: sites[0]?.id, hosts: enrolled });
    await this.quiet();
    const { connected } = (await this.status()).hosts;
    if (connected !== hosts.length) throw new Error(`${connected} of ${hosts.length} agents are connected`);
  }

  /** Waits until the site has had nothing to tell the hub for five seconds. */
  async quiet(): Promise<void> {
    for (let quiet = 0; quiet < 5; quiet += 1) {
      await pause(1_000);
      if ((await this.status()).unsent.entries > 0) quiet = 0;
    }
  }

  async #settledReplica(): Promise<void> {
    const positions = async () => JSON.stringify((await this.status()).replica.map(({ position }) => position));
    for (let before = "", now = await positions(); before !== now; now = await positions()) {
      before = now;
      await pause(1_500);
    }
  }

  async #enrol(hostId: string, token: string): Promise<Enrolled> {
    const machine = randomUUID();
    const response = await fetch(`${this.site.url}/v1/enroll`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, machine, agent: "0.1.0", protocol: 1, capabilities: [] }),
    });
    if (!response.ok) throw new Error(`enrolling ${hostId}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Enrolled;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agents?.[Symbol.asyncDispose]();
    for (const part of [this.site, this.relay, this.hub]) await part[Symbol.asyncDispose]();
  }
}
