import type { Store, Transaction, View } from "@holdfast/inventory";
import type { EntryOutcome } from "@holdfast/protocol/uplink";
import type { Clock } from "@holdfast/runtime";
import type { Selectable } from "kysely";
import { noteIntentKnown } from "../commands/local-acts.ts";
import { count } from "../database/counters.ts";
import { type SiteTables, siteTables } from "../database/tables.ts";
import { forgetDeletion } from "./deleted.ts";

/** How many intents that the hub turned down are kept for people to see. */
const KEPT = 1_000;

export type RefusedIntent = Selectable<SiteTables["refused_intent"]>;

/**
 * Notes what the hub made of an intent. Its overlay stays until the replica has reached the position named (rule 2). What
 * was turned down is kept beside, for the overlay goes (rule 9).
 */
export async function recordOutcome(
  transaction: Transaction,
  outcome: EntryOutcome & { intent: string },
): Promise<void> {
  const tables = siteTables(transaction);
  const intent = await tables
    .updateTable("local_intent")
    .set({ outcome: outcome.result, scope: outcome.at?.scope ?? null, seq: outcome.at?.seq ?? null })
    .where("id", "=", outcome.intent)
    .returningAll()
    .executeTakeFirst();
  if (outcome.result !== "applied") await forgetDeletion(transaction, outcome.intent);
  if (!intent) return;
  await noteIntentKnown(transaction, intent, outcome.at?.seq);
  if (outcome.result === "applied") {
    // Another life of the hub may take what one before it did not.
    await tables.deleteFrom("refused_intent").where("id", "=", intent.id).execute();
    return;
  }
  const { id, kind, resource, field, value, actor, at } = intent;
  const told = { result: outcome.result, reason: outcome.reason ?? null, conflict: outcome.conflict ?? null };
  await tables
    .insertInto("refused_intent")
    .values({ id, kind, resource, field, value, actor, at, ...told })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(told))
    .execute();
  await forgetOldest(transaction);
}

async function forgetOldest(transaction: Transaction): Promise<void> {
  const tables = siteTables(transaction);
  const last = await tables
    .selectFrom("refused_intent")
    .select(["number", "id"])
    .orderBy("number", "desc")
    .offset(KEPT)
    .limit(1)
    .executeTakeFirst();
  if (!last) return;
  const old = tables.selectFrom("refused_intent").select("id").where("number", "<=", last.number);
  await tables
    .deleteFrom("local_intent")
    .where("id", "in", old)
    .where("outcome", "=", "quarantined")
    .where("field", "is not", null)
    .execute();
  const { numDeletedRows: forgotten } = await tables
    .deleteFrom("refused_intent")
    .where("number", "<=", last.number)
    .executeTakeFirstOrThrow();
  await count(transaction, "intents-forgotten", Number(forgotten));
}

/** What became of several intents taken together; undefined while the hub has not spoken of all of them. */
export type Judgement = { readonly is: "applied" } | { readonly is: "refused"; readonly by: RefusedIntent };

/** Lets requests wait for the hub's word on what they asked. */
export class Outcomes {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #wakers = new Set<() => void>();
  readonly #stopped = new AbortController();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** To be called when outcomes have been recorded. */
  told(): void {
    for (const wake of [...this.#wakers]) wake();
  }

  /** Waits no longer than so many milliseconds; undefined when the hub has not spoken by then. */
  async wait(intents: readonly string[], within: number): Promise<Judgement | undefined> {
    const ended = new AbortController();
    const signal = AbortSignal.any([ended.signal, this.#stopped.signal]);
    let over = false;
    let wake = () => {};
    const finish = () => {
      over = true;
      wake();
    };
    const timer = this.#clock.sleep(within, signal).then(finish, finish);
    try {
      for (;;) {
        const news = new Promise<void>((resolve) => {
          wake = resolve;
          this.#wakers.add(resolve);
        });
        const judged = await this.#store.read((view) => judgementOf(view, intents));
        if (judged || over) return judged;
        await news;
        this.#wakers.delete(wake);
      }
    } finally {
      this.#wakers.delete(wake);
      ended.abort();
      await timer;
    }
  }

  /** Lets all who wait go, with what is known by now. */
  close(): void {
    this.#stopped.abort(new Error("stopped"));
  }
}

async function judgementOf(view: View, intents: readonly string[]): Promise<Judgement | undefined> {
  const tables = siteTables(view);
  const waiting = await tables
    .selectFrom("local_intent")
    .select("id")
    .where("id", "in", intents)
    .where("outcome", "is", null)
    .limit(1)
    .executeTakeFirst();
  if (waiting) return undefined;
  const by = await tables
    .selectFrom("refused_intent")
    .selectAll()
    .where("id", "in", intents)
    .orderBy("number")
    .limit(1)
    .executeTakeFirst();
  return by ? { is: "refused", by } : { is: "applied" };
}

/** What the hub turned down and why, newest first. */
export function refusedIntents(view: View): Promise<readonly RefusedIntent[]> {
  return siteTables(view).selectFrom("refused_intent").selectAll().orderBy("number", "desc").execute();
}
