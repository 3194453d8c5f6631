import { randomBytes } from "node:crypto";
import type { Transaction, View } from "@holdfast/inventory";
import { type Kind, kindNamed } from "@holdfast/protocol";
import { hours } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { ConflictValueRow, OpenConflictRow } from "./tables.ts";

/** What a conflict is about. `field` empty: whether the resource exists, and as what. */
export interface Subject {
  readonly tenant: string;
  readonly kind: Kind;
  readonly resourceId: string;
  readonly field: string;
}

/** A site that was away for longer may open again what it still holds: somebody chooses once more. */
const CLOSED_KEPT = hours(365 * 24);

export type Value = Omit<ConflictValueRow, "conflict" | "number">;

/** A fresh id of a conflict. */
export function newConflictId(): string {
  return `conflict-${randomBytes(8).toString("hex")}`;
}

/** The open conflict about a field, if there is one. */
export function conflictAbout(view: View, { tenant, resourceId, field }: Subject) {
  return view
    .tables<HubTables>()
    .selectFrom("open_conflict")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("resource_id", "=", resourceId)
    .where("field", "=", field)
    .executeTakeFirst();
}

/** The open conflicts about a resource. */
export function conflictsAbout(view: View, tenant: string, resourceId: string): Promise<OpenConflictRow[]> {
  return view
    .tables<HubTables>()
    .selectFrom("open_conflict")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("resource_id", "=", resourceId)
    .execute();
}

/** An open conflict of a tenant, by its id. */
export function conflictById(view: View, tenant: string, id: string): Promise<OpenConflictRow | undefined> {
  return view
    .tables<HubTables>()
    .selectFrom("open_conflict")
    .selectAll()
    .where("id", "=", id)
    .where("tenant", "=", tenant)
    .executeTakeFirst();
}

/** Its values, in the order in which the hub learned of them. */
export function valuesOf(view: View, { id }: Pick<OpenConflictRow, "id">): Promise<ConflictValueRow[]> {
  return view
    .tables<HubTables>()
    .selectFrom("conflict_value")
    .selectAll()
    .where("conflict", "=", id)
    .orderBy("number")
    .execute();
}

/** Opens a conflict that no feed shows yet and that has no values yet. */
export async function open(tx: Transaction, about: Subject, { id, at }: { id: string; at: number }) {
  const { tenant, kind, resourceId: resource_id, field } = about;
  const row = { id, tenant, kind: kind.name, resource_id, field, opened_at: at, scopes: "[]" };
  await tx.tables<HubTables>().insertInto("open_conflict").values(row).execute();
  return row;
}

/** Adds a value; returns false when the conflict has it already. */
export async function addValue(tx: Transaction, { id }: Pick<OpenConflictRow, "id">, value: Value): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .tables<HubTables>()
    .insertInto("conflict_value")
    .values({ ...value, conflict: id, number: await tx.nextNumber("conflict-value") })
    .onConflict((on) => on.columns(["conflict", "write"]).doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows !== 0n;
}

/** Forgets one of the values. */
export async function dropValue(tx: Transaction, { conflict, write }: ConflictValueRow): Promise<void> {
  const tables = tx.tables<HubTables>();
  await tables.deleteFrom("conflict_value").where("conflict", "=", conflict).where("write", "=", write).execute();
}

/** Takes a conflict out of the book, but for its id, which is kept for a year. */
export async function strike(tx: Transaction, { id }: OpenConflictRow, at: number): Promise<void> {
  const tables = tx.tables<HubTables>();
  await tables
    .deleteFrom("closed_conflict")
    .where("closed_at", "<", at - CLOSED_KEPT)
    .execute();
  await tables.deleteFrom("open_conflict").where("id", "=", id).execute();
  await tables.deleteFrom("conflict_value").where("conflict", "=", id).execute();
  const closed = tables.insertInto("closed_conflict").values({ id, closed_at: at });
  await closed.onConflict((on) => on.column("id").doNothing()).execute();
}

/** Whether a conflict of this id was there and is over. */
export async function wasClosed(view: View, id: string): Promise<boolean> {
  const tables = view.tables<HubTables>();
  const row = await tables.selectFrom("closed_conflict").select("id").where("id", "=", id).executeTakeFirst();
  return row !== undefined;
}

/** What a kept conflict is about. */
export function subjectOf({ tenant, kind: name, resource_id: resourceId, field }: OpenConflictRow): Subject {
  const kind = kindNamed(name);
  if (!kind) throw new TypeError(`a conflict about a ${name}, which is no kind`);
  return { tenant, kind, resourceId, field };
}
