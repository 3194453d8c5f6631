import type { Store, View } from "@holdfast/inventory";
import { type Log, messageOf, minutes } from "@holdfast/runtime";
import { type HubRefusal, readSetting, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";

/** How exactly a restarted site-node knows when it last heard the hub. */
const NOTE_EVERY = minutes(1);

/** Answers by which a hub says that it does not let this site in. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 426]);

/** By this clock: what the operators' rights at a cut-off site expire by too. */
export interface HeardClock {
  flooredNow(): number;
}

/** A home of a version that did not note it knows all the same when the hub's feed was last applied. */
async function lastApplied(view: View): Promise<number | undefined> {
  const { at } = await siteTables(view)
    .selectFrom("replica_position")
    .select(({ fn }) => fn.max("at").as("at"))
    .executeTakeFirstOrThrow();
  return at ?? undefined;
}

/**
 * When the hub was last heard, and whether it lets this site in. Held in memory; on disk as of a minute ago, so that a
 * silent link costs no writes.
 */
export class HubHeard {
  readonly #store: Store;
  readonly #clock: HeardClock;
  readonly #log: Log;
  #at: number | undefined;
  #noted: number;
  #refusal: HubRefusal | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(store: Store, { clock, log }: { clock: HeardClock; log: Log }) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#noted = 0;
  }

  static async load(store: Store, options: { clock: HeardClock; log: Log }): Promise<HubHeard> {
    const heard = new HubHeard(store, options);
    await store.read(async (view) => {
      heard.#at = (await readSetting(view, "hubHeardAt")) ?? (await lastApplied(view));
      heard.#noted = heard.#at ?? 0;
      heard.#refusal = (await readSetting(view, "hubRefusal")) ?? undefined;
    });
    return heard;
  }

  /** Milliseconds since the epoch, by the site's floored clock; undefined when this home never heard its hub. */
  at(): number | undefined {
    return this.#at;
  }

  /** Since when and why the hub does not let this site in; undefined when it does, as far as is known. */
  refusal(): HubRefusal | undefined {
    return this.#refusal;
  }

  /** The hub has said something to this site: an answer, or a piece of one. */
  note(): void {
    const now = this.#clock.flooredNow();
    this.#at = now;
    const isOver = this.#refusal !== undefined;
    if (!isOver && now - this.#noted < NOTE_EVERY) return;
    this.#refusal = undefined;
    this.#persist();
  }

  /** The hub has answered with this status. Only who is let in has heard it: a refused site hears of no revocation. */
  answered(status: number, reason: string): void {
    if (status < 400 || status === 409) this.note();
    if (!REFUSALS.has(status)) return;
    const before = this.#refusal;
    if (before?.status === status && before.reason === reason) return;
    this.#refusal = { since: before?.since ?? this.#clock.flooredNow(), status, reason };
    this.#log.error({ status, reason }, "the hub does not let this site in; the site goes on alone");
    this.#persist();
  }

  /** Resolves when what is known is on disk. */
  async close(): Promise<void> {
    if (this.#at !== undefined && this.#at !== this.#noted) this.#persist();
    await this.#writing;
  }

  #persist(): void {
    const [at, refusal] = [this.#at, this.#refusal];
    this.#noted = at ?? 0;
    this.#writing = this.#writing
      .then(() =>
        this.#store.write(async (transaction) => {
          if (at !== undefined) await writeSetting(transaction, "hubHeardAt", at);
          await writeSetting(transaction, "hubRefusal", refusal ?? null);
        }),
      )
      .catch((error) => {
        this.#log.warn({ error: messageOf(error) }, "when the hub was heard could not be noted");
      });
  }
}
