import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { batchHash, offerHeaders, PROTOCOL_VERSION, type UplinkBatch } from "@holdfast/protocol";
import { type Clock, silentLog, systemClock } from "@holdfast/runtime";
import { Value } from "typebox/value";
import { HubConfig } from "./config.ts";
import { createHub, type Hub } from "./hub.ts";

/** A hub of a test's own, in a directory of its own. Restarts on the same home, and on the same port when asked. */
export interface TestHub extends AsyncDisposable {
  readonly home: string;
  readonly url: string;
  readonly hub: Hub;
  readonly operator: string;
  /** `between` runs while nobody has the home; `settings` are other than before from then on. */
  restart(options?: RestartOptions): Promise<void>;
  stop(): Promise<void>;
  /** Asks as the first operator, or as whose token is given; the answer's body is parsed. */
  ask(method: string, path: string, body?: unknown, token?: string): Promise<Answer>;
  /** A new site of the project with a token of its own, which the hub has heard. */
  site(project?: string): Promise<TestSite>;
}

export interface RestartOptions {
  readonly samePort?: true;
  readonly between?: () => void;
  readonly settings?: Partial<HubConfig>;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body
  readonly body: any;
  readonly headers: Headers;
}

export interface TestSite {
  readonly id: string;
  readonly tenant: string;
  readonly token: string;
  readonly headers: Record<string, string>;
}

type Settings = Partial<HubConfig> & { readonly clock?: Clock; readonly protocolVersion?: number };

export const OFFER = offerHeaders({ version: PROTOCOL_VERSION, capabilities: [] });

export async function startTestHub(given: Settings = {}): Promise<TestHub> {
  const { clock = systemClock, protocolVersion = PROTOCOL_VERSION, ...settings } = given;
  const home = mkdtempSync(join(tmpdir(), "holdfast-hub-"));
  const defaults = Value.Default(HubConfig, {}) as HubConfig;
  const open = (port: number) =>
    createHub(
      { ...defaults, ...settings, home, hubPort: port, logLevel: "silent" },
      { clock, log: silentLog, protocolVersion },
    );
  let hub = await open(0);
  // A test's commands run in this process: they would wait in vain for what the hub is about to write.
  await hub.tenants.idle();
  const operator = readFileSync(join(home, "operator-token"), "utf8").trim();

  async function ask(method: string, path: string, body?: unknown, token = operator): Promise<Answer> {
    const response = await fetch(`${hub.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...OFFER, ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: typeof body === "string" ? body : JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
  }

  return {
    home,
    operator,
    get url() {
      return hub.url;
    },
    get hub() {
      return hub;
    },
    ask,
    async site(project = "default") {
      const at = `/v1/projects/${project}`;
      const region = await ask("POST", `${at}/regions`, { name: "north" });
      const site = await ask("POST", `${at}/sites`, { name: "a site", regionId: region.body.resourceId });
      const id: string = site.body.resourceId;
      const { body } = await ask("POST", `${at}/sites/${id}/tokens`, {});
      const tenant = await hub.store.read((view) => view.tenant(project));
      const token: string = body.token;
      await ask("GET", "/v1/sites/self", undefined, token);
      return { id, token, tenant: tenant?.id ?? "", headers: { authorization: `Bearer ${token}`, ...OFFER } };
    },
    async restart({ samePort, between, settings: other } = {}) {
      const { port } = hub;
      Object.assign(settings, other);
      await hub.close();
      between?.();
      hub = await open(samePort ? port : 0);
      await hub.tenants.idle();
    },
    stop: () => hub.close(),
    async [Symbol.asyncDispose]() {
      await hub.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A site's side of the uplink, as small as can be: it numbers, chains and sends. */
export class Sender {
  readonly #hub: TestHub;
  readonly site: TestSite;
  epoch: string;
  incarnation: number;
  next = 1;
  previous = "";

  constructor(hub: TestHub, site: TestSite, incarnation = 1) {
    this.#hub = hub;
    this.site = site;
    this.epoch = hub.hub.authority.epoch();
    this.incarnation = incarnation;
  }

  /** Gives entries their numbers. What is sealed is sent as often as a test likes. */
  seal(entries: readonly unknown[], more: Partial<UplinkBatch> = {}): UplinkBatch {
    const { epoch, incarnation, next: first, previous } = this;
    const stream = { epoch, incarnation };
    const batch = { stream, first, previous, sealedAt: 0, entries: [...entries], ...more };
    this.next += entries.length;
    this.previous = batchHash(batch);
    return batch;
  }

  post(batch: unknown): Promise<Answer> {
    return this.#hub.ask("POST", `/v1/sites/${this.site.id}/uplink`, batch, this.site.token);
  }

  send(entries: readonly unknown[], more: Partial<UplinkBatch> = {}): Promise<Answer> {
    return this.post(this.seal(entries, more));
  }
}

/** Waits for a level, at most some seconds. */
export async function until(what: string, reached: () => boolean | Promise<boolean>, within = 15_000): Promise<void> {
  const deadline = systemClock.monotonic() + within;
  while (!(await reached())) {
    if (systemClock.monotonic() > deadline) throw new Error(`not within ${within} ms: ${what}`);
    await systemClock.sleep(10);
  }
}
