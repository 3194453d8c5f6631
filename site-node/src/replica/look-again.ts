import type { Store, Transaction } from "@holdfast/inventory";
import { KINDS } from "@holdfast/protocol/kinds/kinds";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { takeCredentials } from "../outbox/credential-words.ts";
import { whyUnread } from "./apply.ts";
import type { ReplicaOf } from "./materialise.ts";
import { showAll, Touched } from "./show.ts";

/**
 * At a start, with or without a hub: this program may know what the one before it did not (rule 23). What waits is tried
 * again; when the one before spoke another version, all that the replica holds is shown anew, for its rows are kept as they came.
 */
export async function lookAgain(
  store: Store,
  of: ReplicaOf,
  { protocolVersion, now }: { readonly protocolVersion: number; readonly now: number },
): Promise<void> {
  await store.write(async (transaction) => {
    const before = await readSetting(transaction, "versions");
    const touched = new Touched();
    for (const { kind, id } of await rowsOf(transaction, before?.site === protocolVersion ? "parked" : "all"))
      touched.add(kind, id);
    await releaseReadable(transaction);
    await showAll(transaction, of, touched, now);
    await takeCredentials(transaction, of);
  });
}

async function rowsOf(transaction: Transaction, which: "parked" | "all") {
  const rows = siteTables(transaction).selectFrom("replica_row").select(["kind", "id"]);
  return (which === "parked" ? rows.where("parked", "is not", null) : rows).execute();
}

/** Rows that are no resources are read where they lie: one that can be read waits no longer. */
async function releaseReadable(transaction: Transaction): Promise<void> {
  const tables = siteTables(transaction);
  const resources = KINDS.map(({ name }) => name);
  const waiting = await tables
    .selectFrom("replica_row")
    .select(["scope", "kind", "id", "body"])
    .where("parked", "is not", null)
    .where("kind", "not in", resources)
    .execute();
  for (const { scope, kind, id, body } of waiting) {
    if (body === null || whyUnread(kind, body) !== undefined) continue;
    const row = tables.updateTable("replica_row").set({ parked: null, parked_at: null });
    await row.where("scope", "=", scope).where("kind", "=", kind).where("id", "=", id).execute();
  }
}
