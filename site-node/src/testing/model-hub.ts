import { batchHash, type UplinkBatch, type UplinkEntry, type UplinkReply } from "@holdfast/protocol/uplink";

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

/**
 * The hub's half of the uplink in a few lines: numbers without a gap, hashes in a chain, the last reply repeated. As `fetch`,
 * with a fate for each request.
 */
export class ModelHub {
  epoch = "epoch-1";
  fate: Fate = "arrives";
  /** What was applied, in order. */
  readonly applied: UplinkEntry[] = [];
  readonly #intents = new Set<string>();
  #life: Life | undefined;
  #lent = 0;

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
    this.#intents.clear();
    for (const entry of this.applied) if ("intent" in entry) this.#intents.add(entry.intent);
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

    const outcomes = (entries as UplinkEntry[]).flatMap((entry, index) => this.#apply(entry, first + index));
    const cursor = first + entries.length - 1;
    const ids = batch.wantIds ? { ids: { first: 1 + this.#lent, count: batch.wantIds } } : {};
    this.#lent += batch.wantIds ?? 0;
    const reply: UplinkReply = { stream, cursor, outcomes, ...ids };
    this.#life = { ...this.#life, cursor, lastHash: hash, lastReply: reply };
    return { status: 200, body: reply };
  }

  #apply(entry: UplinkEntry, seq: number): UplinkReply["outcomes"] {
    if (!("intent" in entry)) {
      this.applied.push(entry);
      return [];
    }
    if (!this.#intents.has(entry.intent)) this.applied.push(entry);
    this.#intents.add(entry.intent);
    return [{ seq, intent: entry.intent, result: "applied", at: NEVER_REACHED }];
  }
}
