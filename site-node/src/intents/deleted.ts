import type { Transaction } from "@holdfast/inventory";
import type { UplinkEntry } from "@holdfast/protocol/uplink";
import { siteTables } from "../database/tables.ts";
import { intentEntry } from "./entry.ts";

/** How many deletions are remembered, the newest. */
const REMEMBERED = 1_000;

/**
 * Keeps a deletion that hub and site show, for no row tells of it any more: a hub that is put back to before it would bring
 * back what was deleted (rule 20).
 */
export async function rememberDeletion(transaction: Transaction, number: number): Promise<void> {
  const tables = siteTables(transaction);
  const intent = await tables.selectFrom("local_intent").selectAll().where("number", "=", number).executeTakeFirst();
  if (!intent) return;
  const kept = { number, id: intent.id, entry: JSON.stringify(intentEntry(intent)) };
  await tables.insertInto("deleted_here").values(kept).execute();
  const last = await tables
    .selectFrom("deleted_here")
    .select("number")
    .orderBy("number", "desc")
    .offset(REMEMBERED)
    .limit(1)
    .executeTakeFirst();
  if (last) await tables.deleteFrom("deleted_here").where("number", "<=", last.number).execute();
}

/** What to say again in a new stream; whoever knows it takes it for known. */
export async function deletionsToRepeat(
  transaction: Transaction,
): Promise<readonly Exclude<UplinkEntry, { type: "state" }>[]> {
  const rows = await siteTables(transaction).selectFrom("deleted_here").select("entry").orderBy("number").execute();
  return rows.map(({ entry }) => JSON.parse(entry));
}

/** Another life of the hub has something else in its place, and somebody to choose: it is not asked for again. */
export async function forgetDeletion(transaction: Transaction, id: string): Promise<void> {
  await siteTables(transaction).deleteFrom("deleted_here").where("id", "=", id).execute();
}
