import type { Transaction, View } from "@holdfast/inventory";
import { siteTables } from "./tables.ts";

/** What the site-node counts for its status, because it happened without anyone being told at once. */
export type CounterName =
  | "feed-rows-malformed"
  | "events-dropped"
  | "arrivals-dropped"
  | "intents-forgotten"
  | "entries-oversized"
  | "entries-quarantined"
  | "batches-too-large"
  | "messages-malformed";

export async function count(transaction: Transaction, name: CounterName, by = 1): Promise<void> {
  await siteTables(transaction)
    .insertInto("counter")
    .values({ name, value: by })
    .onConflict((conflict) => conflict.column("name").doUpdateSet((row) => ({ value: row("counter.value", "+", by) })))
    .execute();
}

export async function counters(view: View): Promise<Record<string, number>> {
  const rows = await siteTables(view).selectFrom("counter").selectAll().execute();
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}
