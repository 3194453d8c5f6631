import type { Transaction } from "@holdfast/inventory";
import { record } from "../conflicts/record.ts";
import type { RefusedIntent } from "../recovery/ports.ts";

/** Keeps both values of a local intent that did not apply. The hub's stands; nothing is undone at the site. */
export function recordConflict(transaction: Transaction, { entry, kind, origin, reason }: RefusedIntent) {
  const { tenant, site, now } = origin;
  const { intent: write, actor, at, id: resourceId } = entry;
  const edit = entry.type === "edit" ? entry : undefined;
  const creation = entry.type === "create" ? entry.creation : null;
  const wanted = entry.type === "create" ? entry.fields : entry.value;
  const about = { tenant, kind, resourceId, field: edit?.field ?? "" };
  return record(transaction, about, { write, value: JSON.stringify(wanted ?? null), by: site, actor, at, reason, creation }, now);
}
