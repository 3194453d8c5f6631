import type { Transaction, View } from "@holdfast/inventory";
import { type ConflictBody, type FeedScope, type Resource, ROW, siteScope } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import { strike, subjectOf, valuesOf } from "./book.ts";
import { standingWrite } from "./standing.ts";
import type { ConflictValueRow, OpenConflictRow } from "./tables.ts";

/** A conflict as people and sites see it. */
export async function bodyOf(view: View, row: OpenConflictRow): Promise<ConflictBody> {
  return describe(row, await valuesOf(view, row), await resourceOf(view, row));
}

/**
 * Shows a conflict as it is now in the feeds of all whom it concerns: the site that manages the resource and each site that
 * wanted one of the values. It leaves the feeds of those whom it concerns no more.
 */
export async function show(tx: Transaction, row: OpenConflictRow): Promise<void> {
  const [values, resource] = [await valuesOf(tx, row), await resourceOf(tx, row)];
  const body = describe(row, values, resource);
  const scopes = scopesOf(values, resource);
  for (const left of scopesShown(row)) {
    if (!scopes.includes(left)) await tx.appendFeed(left, ROW.conflict, row.id, null);
  }
  for (const scope of scopes) await tx.appendFeed(scope, ROW.conflict, row.id, body);
  await tx
    .tables<HubTables>()
    .updateTable("open_conflict")
    .set({ scopes: JSON.stringify(scopes) })
    .where("id", "=", row.id)
    .execute();
}

/** Ends a conflict: it leaves every feed. */
export async function close(tx: Transaction, row: OpenConflictRow, at: number): Promise<void> {
  await strike(tx, row, at);
  for (const scope of scopesShown(row)) await tx.appendFeed(scope, ROW.conflict, row.id, null);
}

function resourceOf(view: View, row: OpenConflictRow): Promise<Resource | undefined> {
  const { kind, tenant, resourceId } = subjectOf(row);
  return view.get(kind, tenant, resourceId);
}

function describe(
  row: OpenConflictRow,
  values: readonly ConflictValueRow[],
  resource: Resource | undefined,
): ConflictBody {
  const standing = standingWrite(row, resource);
  return {
    tenant: row.tenant,
    kind: row.kind,
    resourceId: row.resource_id,
    field: row.field === "" ? null : row.field,
    openedAt: row.opened_at,
    values: values.map(({ write, value, by, actor, at, reason }) => {
      const told = { write, value: JSON.parse(value) as unknown, by, actor, at, standing: write === standing };
      return reason === null ? told : { ...told, reason };
    }),
  };
}

function scopesOf(values: readonly ConflictValueRow[], resource: Resource | undefined): FeedScope[] {
  const sites = values.map(({ by }) => by).filter((by) => by !== "hub");
  const concerned = resource?.owner === undefined ? sites : [...sites, resource.owner];
  return [...new Set(concerned)].map(siteScope);
}

function scopesShown({ scopes }: OpenConflictRow): FeedScope[] {
  return JSON.parse(scopes) as FeedScope[];
}
