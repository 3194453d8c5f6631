import { Agent, get, type IncomingMessage } from "node:http";
import {
  batchHash,
  MAX_BATCH_BYTES,
  MAX_BATCH_ENTRIES,
  ResourceBody,
  SiteSession,
  siteScope,
  tenantScope,
  type UplinkBatch,
  UplinkReply,
} from "@holdfast/protocol";
import { fullJitter, seconds, systemClock } from "@holdfast/runtime";
import { HubLink } from "@holdfast/site-node/uplink/hub-link";
import { Value } from "typebox/value";
import type { HeldHost } from "./backlog.ts";

/** What a batch costs beside its entries. */
const ENVELOPE_BYTES = 2_048;
const ANSWERS_WITHIN = seconds(60);

export interface ReturningSiteOptions {
  readonly hubUrl: string;
  readonly id: string;
  readonly token: string;
  readonly fetch?: typeof fetch;
  /** Told after each batch that the hub has taken, with how many entries it had. */
  readonly onTaken?: (entries: number) => void;
}

/** How a site fared with its backlog. */
export interface Drained {
  readonly batches: number;
  /** How often it was told to come back later. */
  readonly sentAway: number;
  /** How often there was no answer, or none that meant anything. */
  readonly unanswered: number;
  /** From the first try to the last acknowledgement, milliseconds. */
  readonly took: number;
}

type Position = { readonly offset: string; readonly handle: string };

/**
 * A site as its hub sees it: a session, two event streams, and an uplink of sealed batches that are sent until they are
 * acknowledged, each naming the one before, with the pauses that a site-node makes. Behind it is no database.
 */
export class ReturningSite {
  readonly id: string;
  readonly #options: ReturningSiteOptions;
  readonly #link: HubLink;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #positions = new Map<string, Position>();
  readonly #streams = new Set<IncomingMessage>();
  #epoch = "";
  #tenant = "";
  #next = 1;
  #previous = "";
  readonly hosts = new Map<string, HeldHost>();

  constructor(options: ReturningSiteOptions) {
    const { hubUrl, id, token, fetch: ask = fetch } = options;
    this.id = id;
    this.#options = options;
    this.#link = new HubLink({ hubUrl, token, fetch: ask, clock: systemClock });
  }

  /** Number of the last entry that the hub has acknowledged. */
  get cursor(): number {
    return this.#next - 1;
  }

  /** Asks who it is, fetches what it has not got of its slice, and holds both streams open. */
  async connect(): Promise<void> {
    await this.open();
    for (const scope of [siteScope(this.id), tenantScope(this.#tenant)]) {
      await this.#persist(() => this.#fetch(scope));
      await this.#persist(() => this.#listen(scope));
    }
  }

  /** Asks who it is, which is enough for sending. */
  async open(): Promise<void> {
    const request = { within: ANSWERS_WITHIN, signal: new AbortController().signal };
    const { status, body } = await this.#persist(() => this.#link.ask("/v1/sites/self", request));
    if (status !== 200) throw new Error(`${this.id}: ${status} ${JSON.stringify(body)}`);
    const session = Value.Parse(SiteSession, body);
    this.#epoch = session.epoch;
    this.#tenant = session.tenant.id;
  }

  /** Until it gets through: a connection may end at any time. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await work();
      } catch (error) {
        if (failures >= 10) throw error;
        await systemClock.sleep(fullJitter(failures, { first: 500, most: seconds(30) }));
      }
    }
  }

  /** The link is gone. */
  disconnect(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
    this.#agent.destroy();
  }

  /** Sends all of it; resolves when the hub has acknowledged the last of it. */
  async drain(entries: readonly unknown[]): Promise<Drained> {
    const from = systemClock.monotonic();
    const count = { batches: 0, sentAway: 0, unanswered: 0 };
    for (const some of cut(entries)) {
      const batch = this.#seal(some);
      await this.#deliver(JSON.stringify(batch), this.#next + some.length - 1, count);
      count.batches += 1;
      this.#next += some.length;
      this.#previous = batchHash(batch);
      this.#options.onTaken?.(some.length);
    }
    return { ...count, took: systemClock.monotonic() - from };
  }

  #seal(entries: readonly unknown[]): UplinkBatch {
    const stream = { epoch: this.#epoch, incarnation: 1 };
    return { stream, first: this.#next, previous: this.#previous, sealedAt: 0, entries: [...entries] };
  }

  async #deliver(body: string, cursor: number, count: { sentAway: number; unanswered: number }): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      const request = { body, within: ANSWERS_WITHIN, signal: new AbortController().signal };
      const answer = await this.#link.ask(`/v1/sites/${this.id}/uplink`, request).catch(() => undefined);
      if (answer?.status === 200) {
        const reply = Value.Parse(UplinkReply, answer.body);
        if (reply.cursor !== cursor) throw new Error(`${this.id}: cursor ${reply.cursor}, ${cursor} sent`);
        return;
      }
      if (answer && [409, 413].includes(answer.status)) {
        throw new Error(`${this.id}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
      if (answer?.status === 503) count.sentAway += 1;
      else count.unanswered += 1;
      const jitter = fullJitter(failures, { first: 250, most: 60_000 });
      await systemClock.sleep(Math.max(answer?.retryAfter ?? 0, jitter));
    }
  }

  async #fetch(scope: string): Promise<void> {
    let from = this.#positions.get(scope) ?? { offset: "-1", handle: "" };
    for (let upToDate = false; !upToDate; ) {
      const page = await this.#ask(scope, from.handle === "" ? { offset: "-1" } : { ...from });
      let text = "";
      for await (const piece of page.setEncoding("utf8")) text += piece;
      this.#hold(JSON.parse(text));
      from = { offset: String(page.headers["electric-offset"]), handle: String(page.headers["electric-handle"]) };
      upToDate = page.headers["electric-up-to-date"] !== undefined;
    }
    this.#positions.set(scope, from);
  }

  async #listen(scope: string): Promise<void> {
    const from = this.#positions.get(scope);
    const stream = await this.#ask(scope, { ...from, live: "true", live_sse: "true" });
    this.#streams.add(stream);
    stream.resume().on("error", () => undefined);
  }

  #ask(scope: string, query: Readonly<Record<string, string>>): Promise<IncomingMessage> {
    const url = new URL("/v1/shape", this.#options.hubUrl);
    url.search = String(new URLSearchParams({ table: "feed", where: "scope = $1", "params[1]": scope, ...query }));
    return new Promise((resolve, reject) => {
      get(url, { headers: this.#link.headers(), agent: this.#agent }, (response) => {
        if (response.statusCode === 200) resolve(response);
        else reject(new Error(`${url}: ${response.statusCode}`));
      }).on("error", reject);
    });
  }

  #hold(messages: unknown): void {
    if (!Array.isArray(messages)) return;
    for (const { value } of messages as { value?: { kind?: string; id?: string; body?: unknown } }[]) {
      if (value?.kind !== "host" || value.id === undefined || value.body === undefined) continue;
      const body: unknown = typeof value.body === "string" ? JSON.parse(value.body) : value.body;
      if (!Value.Check(ResourceBody, body)) continue;
      this.hosts.set(value.id, { id: value.id, stamp: body.stamps.name?.id ?? "" });
    }
  }
}

/** As much as a batch holds, as a site seals it. */
export function cut(entries: readonly unknown[]): unknown[][] {
  const batches: unknown[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const length = Buffer.byteLength(JSON.stringify(entry)) + 1;
    const last = batches.at(-1);
    if (!last || last.length >= MAX_BATCH_ENTRIES || bytes + length > MAX_BATCH_BYTES - ENVELOPE_BYTES) {
      batches.push([entry]);
      bytes = length;
    } else {
      last.push(entry);
      bytes += length;
    }
  }
  return batches;
}
