import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { EVERY_TENANT } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol";
import { type Log, readConfig } from "@holdfast/runtime";
import { createSiteNode, type SiteNode } from "@holdfast/site-node";
import { SiteConfig } from "@holdfast/site-node/config";
import { Program } from "../simulation/program.ts";
import type { WorldClock } from "./clock.ts";
import type { Snapshot, WorldHub } from "./hub.ts";
import { type Answer, type Json, request, succeeded } from "./request.ts";
import { speaking } from "./versions.ts";
import { Wan } from "./wan.ts";

export interface SiteFacts {
  readonly name: string;
  readonly project: string;
  readonly id: string;
  readonly token: string;
}

/** A site of a world: its site-node and its link to the hub. */
export class WorldSite {
  readonly name: string;
  readonly project: string;
  readonly id: string;
  readonly token: string;
  readonly wan = new Wan();
  /** The version of the protocol that it speaks from its next start on; this program's when undefined. */
  protocolVersion: number | undefined;
  readonly #home: string;
  readonly #hub: WorldHub;
  readonly #surroundings: { clock: WorldClock; log: Log };
  #node: SiteNode | undefined;
  #program: Program;
  #ports = { site: 0, mqtt: 0 };
  #snapshots = 0;

  constructor(facts: SiteFacts, home: string, hub: WorldHub, surroundings: { clock: WorldClock; log: Log }) {
    ({ name: this.name, project: this.project, id: this.id, token: this.token } = facts);
    this.#home = home;
    this.#hub = hub;
    this.#program = new Program(`site ${facts.name}`);
    this.#surroundings = surroundings;
    mkdirSync(home, { recursive: true });
    writeFileSync(`${home}/token`, this.token, { mode: 0o600 });
  }

  async start(): Promise<void> {
    const settings = [
      ...["--home", this.#home, "--hub-url", this.#hub.url],
      ...["--site-id", this.id, "--token-file", `${this.#home}/token`],
      ...["--site-port", String(this.#ports.site), "--mqtt-port", String(this.#ports.mqtt)],
    ];
    const config = readConfig(SiteConfig, { arguments: settings, environment: {} });
    const program = new Program(`site ${this.name}`);
    this.#program = program;
    const surroundings = { ...this.#surroundings, ...speaking(this.protocolVersion), fetch: this.wan.fetch };
    this.#node = await program.starts(() => createSiteNode(config, surroundings));
    this.#ports = { site: this.#node.port, mqtt: this.#node.mqttPort };
  }

  async stop(): Promise<void> {
    const stopping = this.#node;
    this.#node = undefined;
    if (this.#program.isAlive) await this.#program.whole(async () => stopping?.close());
    this.#program.kill();
  }

  /** Ends it as SIGKILL does. */
  kill(): void {
    this.#program.kill();
    this.#node = undefined;
  }

  /** What runs it now. */
  get program(): Program {
    return this.#program;
  }

  /** Its clock, which may be wrong. */
  get clock(): WorldClock {
    return this.#surroundings.clock;
  }

  get isRunning(): boolean {
    return this.#node !== undefined && this.#program.isAlive;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Copies all that it has on its disk. */
  async snapshot(): Promise<Snapshot> {
    this.#snapshots += 1;
    const folder = `${this.#home}-snapshot-${this.#snapshots}`;
    await this.stop();
    cpSync(this.#home, folder, { recursive: true });
    await this.start();
    return { folder };
  }

  /** Puts its disk back to what it was. */
  async rollBackTo({ folder }: Snapshot): Promise<void> {
    await this.stop();
    rmSync(this.#home, { recursive: true });
    cpSync(folder, this.#home, { recursive: true });
    await this.start();
  }

  /** Another disk in its place: all it has is which site it is and its token. */
  async loseDisk(): Promise<void> {
    await this.stop();
    rmSync(this.#home, { recursive: true });
    mkdirSync(this.#home, { recursive: true });
    writeFileSync(`${this.#home}/token`, this.token, { mode: 0o600 });
    await this.start();
  }

  /** A request to the site's own API, as the hub's first operator unless another token is given. */
  request(method: string, path: string, body?: unknown, options: { token?: string; headers?: object } = {}) {
    const { token = this.#hub.token, headers = {} } = options;
    return request(`${this.url}${path}`, { method, token, body, headers }) as Promise<Answer<Json>>;
  }

  /** A request that must succeed. */
  async ask(method: string, path: string, body?: unknown): Promise<Json> {
    return succeeded(`${method} ${path} at ${this.name}`, await this.request(method, path, body));
  }

  host(id: string): Promise<Json> {
    return this.ask("GET", `/v1/projects/${this.project}/compute/hosts/${id}`);
  }

  /** How it stands, as it says itself. */
  status(): Promise<Json> {
    return this.ask("GET", "/v1/status");
  }

  get node(): SiteNode {
    if (!this.#node) throw new Error(`site ${this.name} is not running`);
    return this.#node;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#ports.site}`;
  }

  get ports(): { readonly site: number; readonly mqtt: number } {
    return this.#ports;
  }

  /** The hosts that its replica holds. */
  async hostIds(): Promise<string[]> {
    const { resources } = await this.node.store.read((view) => view.list(Host, { tenant: EVERY_TENANT }));
    return resources.map(({ resourceId }) => resourceId);
  }

  /** A one-time token that admits a machine here, or only the host named; for an hour unless told otherwise. */
  async enrolmentToken(hostId?: string, validSeconds = 3_600): Promise<string> {
    const path = `/v1/projects/${this.project}/sites/${this.id}/enrolment-tokens`;
    return (await this.#hub.ask("POST", path, { ...(hostId ? { hostId } : {}), validSeconds })).token;
  }
}
