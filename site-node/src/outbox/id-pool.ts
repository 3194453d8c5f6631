import type { Transaction, View } from "@holdfast/inventory";
import { idFromNumber } from "@holdfast/protocol/ids";
import type { IdBlock } from "@holdfast/protocol/uplink";
import { siteTables } from "../database/tables.ts";

/** Below this many lent ids the site asks for more, and for how many it asks. */
const LOW = 16;
const FULL = 64;

/** How many ids to ask the hub for; undefined while there are enough. */
export async function idsWanted(view: View): Promise<number | undefined> {
  const left = await idsLeft(view);
  return left < LOW ? FULL - left : undefined;
}

export async function idsLeft(view: View): Promise<number> {
  const { left } = await siteTables(view)
    .selectFrom("lent_id")
    .select(({ fn }) => fn.countAll<number>().as("left"))
    .executeTakeFirstOrThrow();
  return left;
}

export async function addLentIds(transaction: Transaction, { first, count }: IdBlock): Promise<void> {
  const numbers = Array.from({ length: Math.min(count, 1_000) }, (_, index) => ({ number: first + index }));
  if (numbers.length === 0) return;
  await siteTables(transaction)
    .insertInto("lent_id")
    .values(numbers)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/**
 * An id that the hub lent to this site and that nothing has had; undefined when there is none left. It leaves the pool
 * in the transaction that uses it, so a crash neither loses it nor gives it out twice.
 */
export async function takeLentId(transaction: Transaction, prefix: string): Promise<string | undefined> {
  const tables = siteTables(transaction);
  const row = await tables.selectFrom("lent_id").select("number").orderBy("number").limit(1).executeTakeFirst();
  if (!row) return undefined;
  await tables.deleteFrom("lent_id").where("number", "=", row.number).execute();
  return idFromNumber(prefix, row.number);
}

/** Lent ids die with the stream they were lent in: another life of the hub may not know of the loan. */
export async function dropLentIds(transaction: Transaction): Promise<void> {
  await siteTables(transaction).deleteFrom("lent_id").execute();
}
