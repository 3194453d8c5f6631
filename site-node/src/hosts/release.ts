import type { Transaction } from "@holdfast/inventory";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { siteTables } from "../database/tables.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { boundReleased } from "../outbox/released.ts";
import { readBody } from "../replica/body.ts";

/**
 * Tells the hub that a machine is let go, as the hub's own newest row asks. Said again for every newer row of it that
 * comes, and for a change of what was asked; said twice it means the same as once.
 */
export async function release(
  transaction: Transaction,
  outbox: Outbox,
  { kind, id, reason }: { kind: Kind; id: string; reason: "deleted" | "moved" },
): Promise<boolean> {
  const tables = siteTables(transaction);
  const row = await tables
    .selectFrom("replica_row")
    .select(["body", "seq"])
    .where("kind", "=", kind.name)
    .where("id", "=", id)
    .where("body", "is not", null)
    .orderBy("seq", "desc")
    .executeTakeFirst();
  const read = row?.body ? readBody(kind, row.body) : undefined;
  if (!row || !read || "unreadable" in read) return false;
  const stamp = read.body.stamps[reason === "deleted" ? "desiredState" : "siteId"]?.id;
  if (stamp === undefined) return false;
  const said = await tables
    .selectFrom("released")
    .selectAll()
    .where("kind", "=", kind.name)
    .where("id", "=", id)
    .executeTakeFirst();
  if (said && said.reason === reason && said.stamp === stamp && said.seq >= row.seq) return false;
  const now = { reason, stamp, seq: row.seq, body: row.body };
  await tables
    .insertInto("released")
    .values({ kind: kind.name, id, ...now })
    .onConflict((conflict) => conflict.columns(["kind", "id"]).doUpdateSet(now))
    .execute();
  await boundReleased(transaction);
  await outbox.add(transaction, { type: "release", kind: kind.name, id, reason, stamp, body: read.body });
  return true;
}
