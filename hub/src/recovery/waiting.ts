import type { Transaction } from "@holdfast/inventory";
import type { LetGoEntry, ReplicaRowEntry } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import type { Origin } from "../uplink/origin.ts";

/** What a site holds of one thing, as it said so. */
export type HeldEntry = ReplicaRowEntry | LetGoEntry;

/** Keeps what cannot be taken back before something else is there. Said again, it replaces what was said before. */
export async function wait(tx: Transaction, { site, stream }: Origin, entry: HeldEntry): Promise<void> {
  const said = { epoch: stream.epoch, number: await tx.nextNumber("recovery-waiting"), entry: JSON.stringify(entry) };
  await tx
    .tables<HubTables>()
    .insertInto("recovery_waiting")
    .values({ site, kind: entry.kind, id: entry.id, ...said })
    .onConflict((on) => on.columns(["site", "kind", "id"]).doUpdateSet(said))
    .execute();
}

/** What waits of a site in this life of the hub, in the order in which it was said; it waits no longer. */
export async function takeWaiting(tx: Transaction, { site, stream }: Origin): Promise<HeldEntry[]> {
  const tables = tx.tables<HubTables>();
  const rows = await tables
    .selectFrom("recovery_waiting")
    .select(["epoch", "entry"])
    .where("site", "=", site)
    .orderBy("number")
    .execute();
  if (rows.length > 0) await tables.deleteFrom("recovery_waiting").where("site", "=", site).execute();
  return rows.filter(({ epoch }) => epoch === stream.epoch).map(({ entry }) => JSON.parse(entry) as HeldEntry);
}
