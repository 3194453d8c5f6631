import type { Transaction, View } from "@holdfast/inventory";
import { siteTables } from "../database/tables.ts";
import type { LastOrder } from "./plan.ts";

/** The last order to switch a host off; undefined when there was none. */
export async function lastOrder(view: View, host: string): Promise<LastOrder | undefined> {
  const row = await siteTables(view).selectFrom("host_power").selectAll().where("host", "=", host).executeTakeFirst();
  if (!row) return undefined;
  const { id, session, at, tries, outcome, reason } = row;
  return {
    id,
    session,
    at,
    tries,
    outcome: (outcome as LastOrder["outcome"]) ?? undefined,
    reason: reason ?? undefined,
  };
}

/** Notes an order before it is given: one that is found without an outcome may have been carried out. */
export async function noteOrder(
  transaction: Transaction,
  host: string,
  order: Pick<LastOrder, "id" | "session" | "tries" | "at">,
): Promise<void> {
  const next = { ...order, outcome: null, reason: null };
  await siteTables(transaction)
    .insertInto("host_power")
    .values({ host, ...next })
    .onConflict((conflict) => conflict.column("host").doUpdateSet(next))
    .execute();
}

/** Notes what came of an order, unless another has been given since. */
export async function noteOutcome(
  transaction: Transaction,
  host: string,
  { id, outcome, reason }: { id: string; outcome: NonNullable<LastOrder["outcome"]>; reason: string | undefined },
): Promise<void> {
  await siteTables(transaction)
    .updateTable("host_power")
    .set({ outcome, reason: reason?.slice(0, 500) ?? null })
    .where("host", "=", host)
    .where("id", "=", id)
    .execute();
}

/** Whether the site has acted on what a write wants of a host's power. */
export async function hasBegun(view: View, host: string, write: string): Promise<boolean> {
  const tables = siteTables(view);
  const row = await tables.selectFrom("power_begun").select("write").where("host", "=", host).executeTakeFirst();
  return row?.write === write;
}

/** Notes that the site acts on what a write wants of a host's power: from now on it is kept up, however late it is. */
export async function noteBegun(transaction: Transaction, host: string, write: string): Promise<void> {
  await siteTables(transaction)
    .insertInto("power_begun")
    .values({ host, write })
    .onConflict((conflict) => conflict.column("host").doUpdateSet({ write }))
    .execute();
}
