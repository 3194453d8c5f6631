import type { CreateIntent, EditIntent } from "@holdfast/protocol/uplink";
import type { Selectable } from "kysely";
import type { SiteTables } from "../database/tables.ts";

export type LocalIntent = Selectable<SiteTables["local_intent"]>;

/** What a creation's journal row keeps in `value`. */
export interface CreatedValue {
  readonly creation: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A journalled intent as the hub gets it, the same each time it is asked for. */
export function intentEntry(intent: LocalIntent): CreateIntent | EditIntent {
  const { id, kind, resource, field, base, actor, at } = intent;
  if (field === null) {
    const { creation, fields } = JSON.parse(intent.value) as CreatedValue;
    return { type: "create", intent: id, kind, id: resource, creation, actor, at, fields: { ...fields } };
  }
  return { type: "edit", intent: id, kind, id: resource, field, base, value: JSON.parse(intent.value), actor, at };
}
