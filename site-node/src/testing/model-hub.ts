import {
  batchHash,
  type EntryOutcome,
  type UplinkBatch,
  type UplinkEntry,
  type UplinkReply,
} from "@holdfast/protocol/uplink";

/** What happens to one request on its way to the model hub and back. */
export type Fate = "arrives" | "request-lost" | "reply-lost" | "comes-twice" | "stalls-at-hub";

/** The model has no feed, so an intent never shows in it. */
const NEVER_REACHED = { scope: "site:none", seq: 1 };

type Life = {
  epoch: string;
  incarnation: number;
  cursor: number;
  lastHash: string;
  lastReply: UplinkReply | undefined;
};

export interface ModelHubOptions {
  /** What the hub makes of an entry that it takes for the first time in its life, instead of nothing. */
  readonly applies?: (entry: UplinkEntry) => Omit<EntryOutcome, "seq"> | undefined;
  /** How far its feed is. */
  readonly position?: () => number;
}

/**
 * The hub's half of the uplink in a few lines: numbers without a gap, hashes in a chain, the last reply repeated. As `fetch`,
 * with a fate for each request.
 */
export class ModelHub {
  epoch = "epoch-1";
  fate: Fate = "arrives";
  /** Every batch that was taken, once. */
  readonly batches: UplinkBatch[] = [];
  readonly #options: ModelHubOptions;
  /** What was applied, in order. */
  readonly applied: UplinkEntry[] = [];
  readonly #intents = new Map<string, EntryOutcome>();
  #life: Life | undefined;
  #lent = 0;

  constructor(options: ModelHubOptions = {}) {
    this.#options = options;
  }

  readonly fetch: typeof fetch = async (_input, init) => {
    if (this.fate === "request-lost") throw new TypeError("fetch failed");
    if (this.fate === "stalls-at-hub") return new Response('{"code":"Unavailable","message":"later"}', { status: 503 });
    const body = JSON.parse(String(init?.body)) as UplinkBatch;
    let answer = this.#take(body);
    if (this.fate === "comes-twice") answer = this.#take(body);
    if (this.fate === "reply-lost") throw new TypeError("fetch failed");
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  };

  /** A restored hub: an older state in a new epoch. */
  beginEpoch(epoch: string, remembered: number): void {
    this.epoch = epoch;
    this.applied.splice(remembered);
    const kept = new Set(this.applied.flatMap((entry) => ("intent" in entry ? [entry.intent] : [])));
    for (const intent of [...this.#intents.keys()]) if (!kept.has(intent)) this.#intents.delete(intent);
    this.#life = undefined;
  }

  #take(batch: UplinkBatch): { status: number; body: unknown } {
    const { stream, first, previous, entries } = batch;
    const refuse = (reason: string, expected: number) => ({
      status: 409,
      body: {
        code: "Aborted",
        message: reason,
        reason,
        epoch: this.epoch,
        incarnation: this.#life?.incarnation ?? 0,
        expected,
      },
    });
    if (stream.epoch !== this.epoch) return refuse("epoch", 1);
    if (this.#life && stream.incarnation < this.#life.incarnation) return refuse("incarnation", 1);
    if (!this.#life || stream.incarnation > this.#life.incarnation) {
      this.#life = { ...stream, cursor: 0, lastHash: "", lastReply: undefined };
    }
    const hash = batchHash(batch);
    if (hash === this.#life.lastHash) return { status: 200, body: this.#life.lastReply };
    if (first > this.#life.cursor + 1) return refuse("gap", this.#life.cursor + 1);
    if (first < this.#life.cursor + 1 || previous !== this.#life.lastHash)
      return refuse("forked", this.#life.cursor + 1);

    this.batches.push(batch);
    const outcomes = (entries as UplinkEntry[]).flatMap((entry, index) => this.#apply(entry, first + index));
    const cursor = first + entries.length - 1;
    const ids = batch.wantIds ? { ids: { first: 1 + this.#lent, count: batch.wantIds } } : {};
    this.#lent += batch.wantIds ?? 0;
    const position = this.#options.position?.() ?? 0;
    const receipt = `${stream.epoch}/${stream.incarnation}/${cursor}`;
    const reply: UplinkReply = { stream, cursor, outcomes, ...ids, position, receipt };
    this.#life = { ...this.#life, cursor, lastHash: hash, lastReply: reply };
    return { status: 200, body: reply };
  }

  #apply(entry: UplinkEntry, seq: number): UplinkReply["outcomes"] {
    const known = "intent" in entry ? this.#intents.get(entry.intent) : undefined;
    if (known) return [{ ...known, seq }];
    this.applied.push(entry);
    const outcome = this.#options.applies?.(entry);
    if (!("intent" in entry)) return outcome ? [{ ...outcome, seq }] : [];
    const { intent } = entry;
    const said = { ...(outcome ?? { result: "applied" as const, at: NEVER_REACHED }), intent, seq };
    this.#intents.set(intent, said);
    return [said];
  }
}
