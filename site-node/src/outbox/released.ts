import type { Transaction, View } from "@holdfast/inventory";
import { ConflictBody, type ResourceBody, ROW } from "@holdfast/protocol/feed";
import { kindNamed } from "@holdfast/protocol/kinds/kinds";
import type { LetGoEntry, ReplicaRowEntry } from "@holdfast/protocol/uplink";
import type { Selectable } from "kysely";
import { Compile } from "typebox/compile";
import { type SiteTables, siteTables } from "../database/tables.ts";
import { readBody } from "../replica/body.ts";

const conflictShape = Compile(ConflictBody);

type Released = Selectable<SiteTables["released"]>;

const RELEASED = "select * from released where kind = ? and id in (select value from json_each(?))";

/** How many machines that were let go are remembered. */
const REMEMBERED = 5_000;

/** What a site remembers of a machine that it let go. */
export interface LetGo {
  readonly entry: LetGoEntry;
  /** What was open about it. */
  readonly conflicts: readonly ReplicaRowEntry[];
}

/** Machines that were let go, with the rows that asked for it. */
export async function letGo(view: View): Promise<readonly LetGo[]> {
  return (await released(view)).flatMap(({ kind, id, reason, stamp, body, conflicts }) => {
    if (body === null || (reason !== "deleted" && reason !== "moved")) return [];
    const entry: LetGoEntry = { type: "let-go", kind, id, reason, stamp, body: JSON.parse(body) as ResourceBody };
    return [{ entry, conflicts: conflictsOf(conflicts) }];
  });
}

/** The machines that this site has let go and that nobody has wanted here again since. */
export async function released(view: View): Promise<readonly Released[]> {
  return siteTables(view).selectFrom("released").selectAll().orderBy("kind").orderBy("id").execute();
}

/** Forgets what was let go of a machine whose newest row has another stamp: somebody wants it here again, or elsewhere than before. */
export async function forgetReleased(transaction: Transaction, kind: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const rows = await transaction.rows<Released>(RELEASED, [kind, JSON.stringify(ids)]);
  for (const row of rows) {
    if (!(await isWantedAgain(transaction, row))) continue;
    await siteTables(transaction).deleteFrom("released").where("kind", "=", kind).where("id", "=", row.id).execute();
  }
}

/** Keeps what was open about a machine that was let go: the hub closes it with the machine, and may lose that it did. */
export async function keepConflict(transaction: Transaction, id: string, text: string): Promise<void> {
  const body: unknown = JSON.parse(text);
  if (!conflictShape.Check(body)) return;
  const { kind, resourceId } = body;
  const tables = siteTables(transaction);
  const row = await tables
    .selectFrom("released")
    .select("conflicts")
    .where("kind", "=", kind)
    .where("id", "=", resourceId)
    .executeTakeFirst();
  if (!row) return;
  const conflicts = JSON.stringify({ ...JSON.parse(row.conflicts ?? "{}"), [id]: body });
  await tables
    .updateTable("released")
    .set({ conflicts })
    .where("kind", "=", kind)
    .where("id", "=", resourceId)
    .execute();
}

/** The oldest are forgotten first; a hub whose backup is older than that many releases gets those machines back. */
export async function boundReleased(transaction: Transaction): Promise<void> {
  const tables = siteTables(transaction);
  const last = await tables
    .selectFrom("released")
    .select("seq")
    .orderBy("seq", "desc")
    .offset(REMEMBERED)
    .limit(1)
    .executeTakeFirst();
  if (last) await tables.deleteFrom("released").where("seq", "<=", last.seq).execute();
}

async function isWantedAgain(view: View, { kind: name, id, reason, stamp }: Released): Promise<boolean> {
  const kind = kindNamed(name);
  const row = await siteTables(view)
    .selectFrom("replica_row")
    .select("body")
    .where("kind", "=", name)
    .where("id", "=", id)
    .where("body", "is not", null)
    .orderBy("seq", "desc")
    .executeTakeFirst();
  const read = kind && row?.body ? readBody(kind, row.body) : undefined;
  if (!read || "unreadable" in read) return false;
  return read.body.stamps[reason === "deleted" ? "desiredState" : "siteId"]?.id !== stamp;
}

function conflictsOf(text: string | null): ReplicaRowEntry[] {
  const kept = JSON.parse(text ?? "{}") as Record<string, Record<string, unknown>>;
  return Object.entries(kept).map(([id, body]) => {
    return { type: "replica-row", scope: "site", kind: ROW.conflict, id, body };
  });
}
