import type { CreateIntent, DeleteIntent, EditIntent } from "@holdfast/protocol/uplink";
import type { Selectable } from "kysely";
import type { SiteTables } from "../database/tables.ts";
import { fromIn } from "./asked-from.ts";

export type LocalIntent = Selectable<SiteTables["local_intent"]>;

/** The conflict that an edit resolves, and the ids of the writes that its author chose from. */
export type Resolves = NonNullable<EditIntent["resolves"]>;

/** What a creation's journal row keeps in `value`. */
export interface CreatedValue {
  readonly creation: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** In a journal's row, in the place of a field: the resource was deleted. Its `value` is then what its author saw of stamps. */
export const DELETION = "";

/** A journalled intent as the hub gets it, the same each time it is asked for. */
export function intentEntry(intent: LocalIntent): CreateIntent | DeleteIntent | EditIntent {
  const { id, kind, resource, field, base, actor, at } = intent;
  const token = intent.token === null ? {} : { token: intent.token };
  const by = { actor, at, ...token, ...fromIn(intent.asked_from) };
  if (field === null) {
    const { creation, fields } = JSON.parse(intent.value) as CreatedValue;
    const bound = intent.bound === 0 ? {} : { bound: true };
    return { type: "create", intent: id, kind, id: resource, creation, ...by, ...bound, fields: { ...fields } };
  }
  if (field === DELETION) {
    return {
      type: "delete",
      intent: id,
      kind,
      id: resource,
      saw: JSON.parse(intent.value) as DeleteIntent["saw"],
      ...by,
    };
  }
  const value: unknown = JSON.parse(intent.value);
  const resolves = intent.resolves === null ? {} : { resolves: JSON.parse(intent.resolves) as Resolves };
  return { type: "edit", intent: id, kind, id: resource, field, base, value, ...by, ...resolves };
}
