import { mkdirSync, readFileSync } from "node:fs";
import { createHub, type Hub } from "@holdfast/hub";
import { HubConfig } from "@holdfast/hub/config";
import { type Clock, type Log, readConfig } from "@holdfast/runtime";

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
export type Json = any;

/** The hub of a world, reached as operators reach it: over HTTP with a token. */
export class WorldHub {
  readonly home: string;
  readonly #surroundings: { clock: Clock; log: Log };
  #hub: Hub | undefined;
  #port = 0;

  constructor(home: string, surroundings: { clock: Clock; log: Log }) {
    this.home = home;
    this.#surroundings = surroundings;
    mkdirSync(home, { recursive: true });
  }

  async start(): Promise<void> {
    const settings = ["--home", this.home, "--hub-port", String(this.#port)];
    const config = readConfig(HubConfig, { arguments: settings, environment: {} });
    this.#hub = await createHub(config, this.#surroundings);
    // The same port after a restart: sites know the hub by its address.
    this.#port = this.#hub.port;
  }

  async stop(): Promise<void> {
    const stopping = this.#hub;
    this.#hub = undefined;
    await stopping?.close();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
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
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`${this.url}${path}`, init);
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** A request that must succeed. */
  async ask(method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.request(method, path, body);
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** A project, and a token of an operator who may see no other. */
  async addProject(name: string): Promise<{ readonly token: string }> {
    const { authority, tokens } = this.running;
    const { id } = await authority.createTenant({ actor: "operator:test", name });
    return tokens.createOperator({ name: `operator-of-${name}`, role: "write", tenants: [id] });
  }

  host(project: string, id: string): Promise<Json> {
    return this.ask("GET", `/v1/projects/${project}/compute/hosts/${id}`);
  }

  async hosts(project: string): Promise<Json[]> {
    return (await this.ask("GET", `/v1/projects/${project}/compute/hosts`)).hosts;
  }
}
