import { isId, type Kind, type Resource, type ResourceBody, type Stamp } from "@holdfast/protocol";
import { FieldFault } from "../store/faults.ts";
import type { Fields } from "./intent-rules.ts";
import { withoutUndefined } from "./intent-writes.ts";
import { validateFields } from "./validate.ts";

/** A row of the feed as a site holds it. */
export interface RecoveredRow {
  readonly site: string;
  readonly tenant: string;
  readonly kind: Kind;
  readonly id: string;
  readonly body: ResourceBody;
}

/**
 * A value that a site holds and that does not simply stand beside the hub's; `field` null: the whole resource, whose `write`
 * is then the id of its creation.
 */
export interface FieldConflict {
  readonly field: string | null;
  readonly held: { readonly write: string; readonly value: unknown };
}

export interface Recovery {
  readonly conflicts: readonly FieldConflict[];
}

/** One intent field as a site holds it. */
export interface HeldField {
  readonly field: string;
  readonly stamp: Stamp;
  readonly value: unknown;
}

/** The stamps of a body that say something of its values: no feed carries a secret, nor a field that this version lacks. */
export function heldStamps(kind: Kind, body: ResourceBody): Resource["stamps"] {
  const told = Object.entries(body.stamps).filter(([name]) => {
    const field = Object.hasOwn(kind.fields, name) ? kind.fields[name] : undefined;
    return field?.owner === "operator" && !field.secret;
  });
  return Object.fromEntries(told);
}

/** What operators and the hub wrote of a body. Throws InvalidArgument naming a field with a wrong value. */
export function heldValues(kind: Kind, body: ResourceBody): Fields {
  const values = Object.entries(body.fields).filter(([name, value]) => {
    const field = Object.hasOwn(kind.fields, name) ? kind.fields[name] : undefined;
    return field && field.owner !== "site" && !field.secret && value !== null;
  });
  const fields = withoutUndefined(Object.fromEntries(values));
  validateFields(kind, fields, { who: "hub", on: "update" });
  return fields;
}

/** The stamped fields of a body. Throws as `heldValues` does. */
export function heldFields(kind: Kind, body: ResourceBody): HeldField[] {
  const values = heldValues(kind, body);
  return Object.entries(heldStamps(kind, body)).map(([field, stamp]) => ({ field, stamp, value: values[field] }));
}

/** By the id of its write, what each one set, oldest first. */
export function byWrite(fields: readonly HeldField[]): Map<string, HeldField[]> {
  const ordered = [...fields].sort((one, other) => one.stamp.generation - other.stamp.generation);
  return Map.groupBy(ordered, ({ stamp }) => stamp.id);
}

/** The last moment that a date can be (ECMA-262 §21.4.1.1): a later one could be stored and never be shown. */
const LAST_TIME = 8_640_000_000_000_000;
/** Generations go on from whatever a site says; beyond this they could be counted no further. */
const GENERATION_MOST = 2 ** 48;
/** Of an id of a write or of a life: nobody could choose by a longer one. */
const ID_MOST = 64;

/** Throws InvalidArgument naming what no hub has ever put into the body of a row, and what it could not live with. */
export function refuseImpossible({ kind, id, body }: RecoveredRow): void {
  const { createdAt, updatedAt, retired = 0, generation, creation = "", stamps } = body;
  if (!isId(kind.prefix, id)) throw wrong("id", `is none of a ${kind.name}`);
  for (const [name, at] of Object.entries({ createdAt, updatedAt, retired })) {
    if (!isCount(at, LAST_TIME)) throw wrong(name, "is no time");
  }
  if (!isCount(generation, GENERATION_MOST)) throw wrong("generation", "is none that can be counted on from");
  if (creation.length > ID_MOST) throw wrong("creation", "is no id of a creation");
  for (const [name, stamp] of Object.entries(stamps)) {
    const isOne = stamp.id !== "" && stamp.id.length <= ID_MOST && stamp.epoch.length <= ID_MOST;
    if (!isOne || !isCount(stamp.generation, GENERATION_MOST)) throw wrong(`stamps.${name}`, "is no stamp");
  }
}

function isCount(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= most;
}

function wrong(name: string, why: string): FieldFault {
  return new FieldFault("InvalidArgument", [name], `${name}: ${why}`);
}
