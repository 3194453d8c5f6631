import type { Transaction, View } from "@holdfast/inventory";
import type { HubTables } from "../tables.ts";
import type { UserRow } from "./tables.ts";

/** What somebody has signed in to, as their tokens name it. */
export interface Session {
  readonly id: string;
  /** Id of the user. */
  readonly user: string;
  /** What the user's count stood at: another password, or a lock, moves it on. */
  readonly count: number;
}

/** Whose session it is; undefined once it opens nothing any more, whatever its tokens say. */
export async function userOf(view: Pick<View, "tables">, { id, user, count }: Session): Promise<UserRow | undefined> {
  const tables = view.tables<HubTables>();
  const row = await tables.selectFrom("signin_user").selectAll().where("id", "=", user).executeTakeFirst();
  if (!row || row.session !== count || row.locked_at !== null) return undefined;
  const ended = await tables.selectFrom("signin_ended").select("id").where("id", "=", id).executeTakeFirst();
  return ended ? undefined : row;
}

/** Ends a session, which could have lasted until then, milliseconds since the epoch. */
export async function endSession(
  tx: Pick<Transaction, "tables">,
  { id, until, now }: { readonly id: string; readonly until: number; readonly now: number },
): Promise<void> {
  const tables = tx.tables<HubTables>();
  await tables.deleteFrom("signin_ended").where("until", "<", now).execute();
  await tables
    .insertInto("signin_ended")
    .values({ id, until })
    .onConflict((on) => on.column("id").doNothing())
    .execute();
}
