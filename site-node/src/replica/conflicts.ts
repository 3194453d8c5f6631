import type { View } from "@holdfast/inventory";
import type { ConflictBody } from "@holdfast/protocol/feed";
import { siteTables } from "../database/tables.ts";
import type { Resolves } from "../intents/entry.ts";
import { conflictRows, type InPlaceRow } from "./in-place.ts";

/**
 * The conflicts that are open as this site shows it: those of the feed, without the ones that an operator has resolved
 * here and the hub has not spoken of yet. One whose resolution the hub turned down is open again (rule 3).
 */
export async function openConflicts(
  view: View,
  resource?: { readonly kind: string; readonly id: string },
): Promise<readonly InPlaceRow<ConflictBody>[]> {
  const rows = await conflictRows(view, resource === undefined ? {} : { text: resource.id });
  if (rows.length === 0) return rows;
  const resolved = await resolvedHere(view);
  return rows.filter(({ id, body }) => {
    if (resource && (body.kind !== resource.kind || body.resourceId !== resource.id)) return false;
    return !resolved.has(id);
  });
}

/**
 * Whether nothing may be done about a field because people disagree about it; the site goes on reporting it. A conflict
 * about the resource itself is about all of its fields.
 */
export async function isInConflict(
  view: View,
  resource: { readonly kind: string; readonly id: string },
  field: string,
): Promise<boolean> {
  const open = await openConflicts(view, resource);
  return open.some(({ body }) => body.field === field || body.field === null);
}

async function resolvedHere(view: View): Promise<ReadonlySet<string>> {
  const rows = await siteTables(view)
    .selectFrom("local_intent")
    .select("resolves")
    .where("resolves", "is not", null)
    .where((row) => row.or([row("outcome", "is", null), row("outcome", "!=", "quarantined")]))
    .execute();
  return new Set(rows.map(({ resolves }) => (JSON.parse(resolves ?? "{}") as Partial<Resolves>).conflict ?? ""));
}
