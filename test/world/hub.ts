import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createHub, type Hub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { type Log, readConfig } from "@holdfast/runtime";

import { Program } from "../simulation/program.ts";
import type { WorldClock } from "./clock.ts";
import { type Answer, type Json, request, succeeded } from "./request.ts";
import { speaking } from "./versions.ts";

export type { Answer, Json };

/** What a disk held at some time. */
export interface Snapshot {
  readonly folder: string;
}

/** The hub of a world, reached as operators reach it: over HTTP with a token. */
export class WorldHub {
  readonly home: string;
  /** The version of the protocol that it speaks from its next start on; this program's when undefined. */
  protocolVersion: number | undefined;
  readonly #surroundings: { clock: WorldClock; log: Log };
  #hub: Hub | undefined;
  #program = new Program("hub");
  #port = 0;
  #snapshots = 0;

  constructor(home: string, surroundings: { clock: WorldClock; log: Log }) {
    this.home = home;
    this.#surroundings = surroundings;
    mkdirSync(home, { recursive: true });
  }

  async start(): Promise<void> {
    const settings = ["--home", this.home, "--hub-port", String(this.#port)];
    const config = readConfig(HubConfig, { arguments: settings, environment: {} });
    const program = new Program("hub");
    this.#program = program;
    const surroundings = { ...this.#surroundings, ...speaking(this.protocolVersion) };
    this.#hub = await program.starts(() => createHub(config, surroundings));
    // The same port after a restart: sites know the hub by its address.
    this.#port = this.#hub.port;
  }

  async stop(): Promise<void> {
    const stopping = this.#hub;
    this.#hub = undefined;
    if (this.#program.isAlive) await this.#program.whole(async () => stopping?.close());
    this.#program.kill();
  }

  /** Ends it as SIGKILL does. */
  kill(): void {
    this.#program.kill();
    this.#hub = undefined;
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
    return this.#hub !== undefined && this.#program.isAlive;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Copies all that it has on its disk, as a snapshot of its virtual machine does. */
  async snapshot(): Promise<Snapshot> {
    this.#snapshots += 1;
    const folder = `${this.home}-snapshot-${this.#snapshots}`;
    await this.stop();
    cpSync(this.home, folder, { recursive: true });
    await this.start();
    return { folder };
  }

  /** Puts its disk back to what it was, and tells nobody. */
  async rollBackTo({ folder }: Snapshot): Promise<void> {
    await this.stop();
    rmSync(this.home, { recursive: true });
    cpSync(folder, this.home, { recursive: true });
    await this.start();
  }

  /** Its disk is gone, and an empty one in its place; it does not run. */
  async loseDisk(): Promise<void> {
    await this.stop();
    rmSync(this.home, { recursive: true });
    mkdirSync(this.home, { recursive: true });
  }

  get running(): Hub {
    if (!this.#hub) throw new Error("the hub is not running");
    return this.#hub;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get token(): string {
    return readFileSync(`${this.home}/operator-token`, "utf8").trim();
  }

  /** A request as an operator, or with the token given; answers whatever came, success or not. */
  async request(method: string, path: string, body?: unknown, token = this.token): Promise<Answer<Json>> {
    return request(`${this.url}${path}`, { method, token, body });
  }

  /** A request that must succeed. */
  async ask(method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.request(method, path, body);
    return succeeded(`${method} ${path}`, answer);
  }

  /** A project, and a token of an operator who may see no other. */
  async addProject(name: string): Promise<{ readonly token: string }> {
    const { authority, tokens } = this.running;
    const { id } = await authority.createTenant({ actor: "operator:test", name });
    return tokens.createOperator({ name: `operator-of-${name}`, role: "write", tenants: [id] });
  }

  /** Another operator of every project, by token. */
  async operator(
    name: string,
    role: "read" | "write" = "write",
  ): Promise<{ readonly id: string; readonly token: string }> {
    return this.running.tokens.createOperator({ name, role, tenants: "all" });
  }

  /** Those that are open. */
  async conflicts(project = "default"): Promise<Json[]> {
    return (await this.ask("GET", `/v1/projects/${project}/conflicts`)).conflicts;
  }

  host(project: string, id: string): Promise<Json> {
    return this.ask("GET", `/v1/projects/${project}/compute/hosts/${id}`);
  }

  async hosts(project: string): Promise<Json[]> {
    return (await this.ask("GET", `/v1/projects/${project}/compute/hosts`)).hosts;
  }
}
