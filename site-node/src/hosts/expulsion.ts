import type { Transaction, View } from "@holdfast/inventory";
import { siteTables } from "../database/tables.ts";
import type { Outbox } from "../outbox/outbox.ts";

/** Why a machine is put out. */
export type ExpelledBy = "deleted" | "moved" | "gone" | "untrusted" | "other-host" | "other-machine";

const GOES_ALONG: ReadonlySet<ExpelledBy> = new Set(["moved", "gone"]);

/**
 * Takes a host's credential away, and notes that whoever used it is still to be put out at the broker: whatever happens
 * next, a later run will do it.
 */
export async function expel(
  transaction: Transaction,
  outbox: Outbox,
  { host, by, at }: { host: string; by: ExpelledBy; at: number },
): Promise<void> {
  const tables = siteTables(transaction);
  const held = await tables.deleteFrom("credential").where("host", "=", host).returning("machine").executeTakeFirst();
  // Where the host goes by itself its credential goes with it: the next site is to know the machine.
  if (held && !GOES_ALONG.has(by)) {
    await outbox.add(transaction, { type: "credential", hostId: host, hash: null, machine: held.machine, at });
  }
  await tables.deleteFrom("desired_document").where("host", "=", host).execute();
  await tables
    .insertInto("expulsion")
    .values({ host, at })
    .onConflict((conflict) => conflict.column("host").doUpdateSet({ at }))
    .execute();
  await outbox.event(transaction, { kind: "host", subject: host, event: "expelled", detail: { by } });
}

export async function isExpelled(view: View, host: string): Promise<boolean> {
  const row = await siteTables(view).selectFrom("expulsion").select("host").where("host", "=", host).executeTakeFirst();
  return row !== undefined;
}

export async function expelledHosts(view: View): Promise<readonly string[]> {
  const rows = await siteTables(view).selectFrom("expulsion").select("host").execute();
  return rows.map(({ host }) => host);
}

/** The machine is out. What it said on its way goes too; what was published for whoever has come since went with it. */
export async function endExpulsion(transaction: Transaction, host: string): Promise<void> {
  const tables = siteTables(transaction);
  await tables.deleteFrom("expulsion").where("host", "=", host).execute();
  await tables.deleteFrom("host_link").where("host", "=", host).execute();
  await tables.deleteFrom("host_power").where("host", "=", host).execute();
  await tables.updateTable("desired_document").set({ published: 0 }).where("host", "=", host).execute();
}
