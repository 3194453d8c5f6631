import type { Field, Kind, Owner } from "@holdfast/protocol";
import { FieldFault } from "../store/faults.ts";
import { checkOf } from "./checker.ts";

export interface Writing {
  readonly who: Owner;
  readonly on: "create" | "update";
}

/** Whose fields each may write. The hub makes what operators make, too. */
const MAY_WRITE: Readonly<Record<Owner, readonly Owner[]>> = {
  operator: ["operator"],
  site: ["site"],
  hub: ["operator", "hub"],
};

/** As whom somebody at the hub writes: the hub itself writes what it keeps, and so does who keeps it in its place. */
export function writerOf({ actor, keeper }: { readonly actor: string; readonly keeper?: true }): Owner {
  return actor === "hub" || keeper ? "hub" : "operator";
}

/**
 * Checks values as they were sent: that the kind has these fields, that they are this writer's, and that each value
 * meets its schema; at creation, that nothing required is missing. `null` stands for no value. Throws a `FieldFault`
 * naming the first field that is wrong: InvalidArgument, or PermissionDenied for somebody else's field.
 */
export function validateFields(kind: Kind, fields: Readonly<Record<string, unknown>>, writing: Writing): void {
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.hasOwn(kind.fields, name) ? kind.fields[name] : undefined;
    if (!field) throw new FieldFault("InvalidArgument", [name], `${kind.name} has no field ${name}`);
    if (!MAY_WRITE[writing.who].includes(field.owner)) {
      throw new FieldFault("PermissionDenied", [name], `${name} is not for the ${writing.who} to write`);
    }
    if (!isUnset(field, value)) checkValue(name, field, value);
    else if (field.required) throw isRequired(name);
  }
  if (writing.on === "create" && writing.who !== "site") requireAll(kind, fields);
}

/** Whether a value says that the field has none: `null`, absent, or the empty id of a reference. */
export function isUnset(field: Field, value: unknown): boolean {
  return value === undefined || value === null || (field.reference !== undefined && value === "");
}

function checkValue(name: string, field: Field, value: unknown): void {
  const wrong = checkOf(field)(value);
  if (wrong !== undefined) throw new FieldFault("InvalidArgument", [name], `${name}: ${wrong}`);
}

function requireAll(kind: Kind, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, field] of Object.entries(kind.fields)) {
    if (field.required && isUnset(field, fields[name])) throw isRequired(name);
  }
}

function isRequired(name: string): FieldFault {
  return new FieldFault("InvalidArgument", [name], `${name} is required`);
}
