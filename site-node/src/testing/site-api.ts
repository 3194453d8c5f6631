import type { Commands } from "@holdfast/inventory/api/commands";
import { type AccessBody, ROW } from "@holdfast/protocol/feed";
import { Host } from "@holdfast/protocol/kinds/host";
import { OperatingSystem } from "@holdfast/protocol/kinds/operating-system";
import { type Clock, hashSecret, type Log, silentLog, systemClock } from "@holdfast/runtime";
import type { FastifyInstance, InjectOptions } from "fastify";
import { Operators } from "../access/operators.ts";
import { SiteConflicts } from "../api/conflicts.ts";
import { SiteHolds } from "../api/holds.ts";
import { RefusalLimit } from "../api/refusal-limit.ts";
import { siteApi } from "../api/server.ts";
import { Outcomes } from "../intents/outcomes.ts";
import { SiteInventory } from "../intents/site-inventory.ts";
import { addLentIds } from "../outbox/id-pool.ts";
import type { FeedChange } from "../replica/apply.ts";
import { AuthorityHub } from "./authority-hub.ts";
import { OF, SITE, SITE_SCOPE, TENANT, TENANT_SCOPE, TestSite } from "./test-site.ts";

export const ALICE = "hfo_the-token-of-alice-who-writes";
export const BOB = "hfo_the-token-of-bob-who-writes-too";
export const READER = "hfo_the-token-of-carol-who-reads";

/** A token in the tenant's feed; null when it was revoked. */
export function accessRow(token: string, seq: number, more: Partial<AccessBody> | null = {}): FeedChange {
  const name = /of-(\w+)/.exec(token)?.[1] ?? "nobody";
  const id = `token-${name}`;
  if (more === null) return { is: "gone", kind: ROW.access, id };
  const body: AccessBody = {
    ...{ tenant: TENANT, name, role: "write", tokenHash: hashSecret(token), notAfter: null, offlineSeconds: 1e9 },
    ...more,
  };
  return { is: "row", kind: ROW.access, id, seq, body: JSON.stringify(body) };
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
  readonly body: any;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface AskOptions {
  readonly body?: unknown;
  /** No token when null. */
  readonly as?: string | null;
  readonly headers?: Record<string, string>;
  readonly from?: string;
}

/** The API of a site that has heard its hub and is cut off from it, with a host of its own, one that is free, and an OS. */
export class SiteApi implements AsyncDisposable {
  readonly site: TestSite;
  readonly hub: AuthorityHub;
  own = "";
  free = "";
  os = "";
  /** What the site's clock shows, and when the hub was last heard. */
  now = 1_800_000_000_000;
  heard: number | undefined = 1_800_000_000_000;
  outcomes!: Outcomes;
  #app!: FastifyInstance;
  #commands: Commands | undefined;
  /** Feed rows that the test adds stand far above the hub's. */
  #seq = 1_000_000_000_000;

  readonly #log: Log;

  private constructor(site: TestSite, hub: AuthorityHub, log: Log) {
    this.site = site;
    this.hub = hub;
    this.#log = log;
  }

  static async open(log: Log = silentLog): Promise<SiteApi> {
    const it = new SiteApi(await TestSite.open(), await AuthorityHub.open(), log);
    it.own = await it.hub.create(Host, { name: "own", siteId: SITE, serialNumber: "SN-1" });
    it.free = await it.hub.create(Host, { name: "free", serialNumber: "SN-2" });
    const os = { name: "debian", profileName: "debian", sha256: "0".repeat(64) };
    it.os = await it.hub.create(OperatingSystem, os);
    await it.hub.show(it.site);
    await it.tenantFeed(accessRow(ALICE, 1), accessRow(BOB, 2), accessRow(READER, 3, { role: "read" }));
    await it.site.write((tx) => addLentIds(tx, { first: 0x9000_0000, count: 20 }));
    await it.#begin();
    return it;
  }

  async #begin(): Promise<void> {
    const { store, outbox, intents } = this.site;
    const clock: Clock = { ...systemClock, now: () => this.now };
    const [replicaOf, hubHeardAt] = [async () => OF, () => this.heard];
    const limit = new RefusalLimit(systemClock);
    const operators = new Operators({ store, replicaOf, clock, hubHeardAt, limit });
    this.outcomes = new Outcomes(store, systemClock);
    const inventory = new SiteInventory({ store, outbox, intents, outcomes: this.outcomes, replicaOf, clock });
    this.#app = await siteApi({
      ...{ site: SITE, inventory, hubHeardAt, clock, log: this.#log, mqttPort: () => 1883, routes: [] },
      requestsPerSecond: 0,
      authenticate: (request) => operators.authenticate(request),
      conflicts: new SiteConflicts(inventory),
      holds: new SiteHolds({ site: SITE, store, outbox, clock }),
      ...(this.#commands ? { commands: this.#commands } : {}),
    });
  }

  get app(): FastifyInstance {
    return this.#app;
  }

  async restart(): Promise<void> {
    await this.#app.close();
    await this.site.reopen();
    await this.#begin();
  }

  tenantFeed(...changes: FeedChange[]): Promise<unknown> {
    this.#seq += 1;
    return this.site.feed(TENANT_SCOPE, this.#seq, changes);
  }

  siteFeed(...changes: FeedChange[]): Promise<unknown> {
    this.#seq += 1;
    return this.site.feed(SITE_SCOPE, this.#seq, changes);
  }

  /** Paths that do not begin with a slash are the project's. */
  async ask(method: NonNullable<InjectOptions["method"]>, path: string, options: AskOptions = {}): Promise<Answer> {
    const { body, as = ALICE, headers = {}, from } = options;
    const response = await this.#app.inject({
      method,
      url: path.startsWith("/") ? path : `/v1/projects/default/${path}`,
      headers: { ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
      ...(from === undefined ? {} : { remoteAddress: from }),
    });
    const parsed = response.body === "" ? undefined : JSON.parse(response.body);
    return { status: response.statusCode, body: parsed, headers: response.headers };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.outcomes.close();
    await this.#app.close();
    await this.site[Symbol.asyncDispose]();
    await this.hub[Symbol.asyncDispose]();
  }
}
