import type { CreateIntent, EditIntent } from "@holdfast/protocol/uplink";
import type { Selectable } from "kysely";
import type { SiteTables } from "../database/tables.ts";

export type LocalIntent = Selectable<SiteTables["local_intent"]>;

/** The conflict that an edit resolves, and the ids of the writes that its author chose from. */
export type Resolves = NonNullable<EditIntent["resolves"]>;

/** What a creation's journal row keeps in `value`. */
export interface CreatedValue {
  readonly creation: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A journalled intent as the hub gets it, the same each time it is asked for. */
export function intentEntry(intent: LocalIntent): CreateIntent | EditIntent {
  const { id, kind, resource, field, base, actor, at } = intent;
  const by = { actor, at, ...(intent.token === null ? {} : { token: intent.token }) };
  if (field === null) {
    const { creation, fields } = JSON.parse(intent.value) as CreatedValue;
    const bound = intent.bound === 0 ? {} : { bound: true };
    return { type: "create", intent: id, kind, id: resource, creation, ...by, ...bound, fields: { ...fields } };
  }
  const value: unknown = JSON.parse(intent.value);
  const resolves = intent.resolves === null ? {} : { resolves: JSON.parse(intent.resolves) as Resolves };
  return { type: "edit", intent: id, kind, id: resource, field, base, value, ...by, ...resolves };
}
