import type { Transaction } from "@holdfast/inventory";
import type { CreateIntent, EditIntent, Kind } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import type { Origin } from "./origin.ts";

interface Conflict {
  readonly entry: CreateIntent | EditIntent;
  readonly kind: Kind;
  readonly origin: Origin;
  readonly reason: string;
}

/** Keeps both values of a local intent that did not apply. The hub's stands; nothing is undone at the site. */
export async function recordConflict(transaction: Transaction, conflict: Conflict): Promise<void> {
  const { entry, kind, origin, reason } = conflict;
  const { site, tenant, now } = origin;
  const edit = entry.type === "edit" ? entry : undefined;
  const standing = await transaction.get(kind, tenant, entry.id);
  const fields: Readonly<Record<string, unknown>> = standing?.fields ?? {};
  const hubValue = edit ? fields[edit.field] : standing && fields;
  await transaction
    .tables<HubTables>()
    .insertInto("conflict")
    .values({
      intent: entry.intent,
      tenant,
      site,
      kind: kind.name,
      resource_id: entry.id,
      field: edit?.field ?? null,
      base: edit?.base ?? null,
      hub_value: hubValue === undefined ? null : JSON.stringify(hubValue),
      hub_stamp: (edit && standing?.stamps[edit.field]?.id) ?? null,
      site_value: JSON.stringify(edit ? (edit.value ?? null) : entry.type === "create" ? entry.fields : null),
      reason,
      actor: entry.actor,
      reported_at: entry.at,
      received_at: now,
    })
    .execute();
}
