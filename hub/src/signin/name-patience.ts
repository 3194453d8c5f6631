import type { Transaction, View } from "@holdfast/inventory";
import type { HubTables } from "../tables.ts";
import { FORGOTTEN_AFTER, oneMore, PATIENCE_WITH_NAME } from "./patience.ts";

const NAMES = 10_000;

/** Milliseconds until somebody may sign in by this name; 0 when they may now. The same for names that nobody has. */
export async function waitForName(view: Pick<View, "tables">, name: string, now: number): Promise<number> {
  return Math.max(0, ((await failuresOf(view, name))?.until ?? 0) - now);
}

/** Notes that a password was wrong. Returns how long the name waits now. */
export async function nameWasWrong(tx: Pick<Transaction, "tables">, name: string, now: number): Promise<number> {
  const row = await failuresOf(tx, name);
  const before = row && { failures: row.failures, last: row.last_at, until: row.until };
  const { failures, until } = oneMore(before, now, PATIENCE_WITH_NAME);
  const noted = { failures, last_at: now, until };
  await failureTable(tx)
    .insertInto("signin_failure")
    .values({ name, ...noted })
    .onConflict((on) => on.column("name").doUpdateSet(noted))
    .execute();
  if (!row) await forgetOldest(tx, now);
  return until - now;
}

/** Somebody has signed in by this name, or an operator says that they may try again. */
export async function forgiveName(tx: Pick<Transaction, "tables">, name: string): Promise<void> {
  await failureTable(tx).deleteFrom("signin_failure").where("name", "=", name).execute();
}

function failuresOf(view: Pick<View, "tables">, name: string) {
  return failureTable(view).selectFrom("signin_failure").selectAll().where("name", "=", name).executeTakeFirst();
}

/** Whoever makes names up fills the disk no further. */
async function forgetOldest(tx: Pick<Transaction, "tables">, now: number): Promise<void> {
  const failures = failureTable(tx);
  await failures
    .deleteFrom("signin_failure")
    .where("last_at", "<", now - FORGOTTEN_AFTER)
    .execute();
  const oldest = await failures
    .selectFrom("signin_failure")
    .select("last_at")
    .orderBy("last_at", "desc")
    .offset(NAMES)
    .limit(1)
    .executeTakeFirst();
  if (oldest) await failures.deleteFrom("signin_failure").where("last_at", "<=", oldest.last_at).execute();
}

function failureTable(view: Pick<View, "tables">) {
  return view.tables<HubTables>();
}
