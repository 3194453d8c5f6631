import { type Field, type Kind, MetadataItem } from "@holdfast/protocol";
import { extrasOf, isWritable } from "../resource-shape.ts";
import { BODY, checkValue, objectAt, refusal, type ValueSchema } from "./check-value.ts";

/** What a body asks for. */
export interface ReadBody {
  /** Fields to write; null unsets one. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** What the body says of things that are not the operator's to write. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/**
 * Sorts a resource as a client sent it into what to write and what it merely repeats. Everything to write is of the
 * right shape. Throws InvalidArgument naming the field.
 */
export function readBody(kind: Kind, body: unknown): ReadBody {
  const fields: Record<string, unknown> = {};
  const claims: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(objectAt(body, BODY))) {
    const field = fieldNamed(kind, name);
    if (field && isWritable(name, field)) fields[name] = fieldValue(field, value, name);
    else if (field ? !field.reference?.hidden : extrasOf(kind).has(name)) claims[name] = value;
    else throw refusal(name, "unknown field");
  }
  return { fields, claims };
}

function fieldNamed(kind: Kind, name: string): Field | undefined {
  return Object.hasOwn(kind.fields, name) ? kind.fields[name] : undefined;
}

/** A value to write; null when it says that there is none. */
function fieldValue(field: Field, value: unknown, name: string): unknown {
  if (value === null || (isEmpty(field, value) && canBeUnset(field))) {
    if (field.required) throw refusal(name, "is needed");
    return null;
  }
  checkValue(field.schema as ValueSchema, value, name);
  if (isMetadata(field)) refuseRepeatedKeys(value as readonly { readonly key: string }[], name);
  return value;
}

/** What answers show for none, be it no value that the field may have. */
function isEmpty({ schema }: Field, value: unknown): boolean {
  if (value === 0) return "minimum" in schema && Number(schema.minimum) > 0;
  const isList = "items" in schema;
  return isList ? Array.isArray(value) && value.length === 0 : value === "";
}

function canBeUnset(field: Field): boolean {
  return !field.required && (field.reference !== undefined || field.initial === undefined);
}

function isMetadata(field: Field): boolean {
  return (field.schema as { items?: unknown }).items === MetadataItem;
}

function refuseRepeatedKeys(items: readonly { readonly key: string }[], place: string): void {
  const seen = new Set<string>();
  for (const [index, { key }] of items.entries()) {
    if (seen.has(key)) throw refusal(`${place}[${index}].key`, `"${key}" is there twice`);
    seen.add(key);
  }
}

/** The fields of a new resource. Throws InvalidArgument naming a required field that is not there. */
export function fieldsToCreate(kind: Kind, fields: ReadBody["fields"]): Record<string, unknown> {
  for (const [name, { required }] of Object.entries(kind.fields)) {
    if (required && !Object.hasOwn(fields, name)) throw refusal(name, "is needed");
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/**
 * The fields that replacing a resource writes: those that the body leaves out go back to their initial value. What can
 * be set only once stays.
 */
export function fieldsToReplace(kind: Kind, fields: ReadBody["fields"]): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(kind.fields)) {
    if (!isWritable(name, field)) continue;
    if (Object.hasOwn(fields, name)) written[name] = valueOrInitial(field, fields[name]);
    else if (field.required && !field.immutable) throw refusal(name, "is needed");
    else if (!field.immutable) written[name] = valueOrInitial(field, null);
  }
  return written;
}

/** The fields that a patch writes: those that the body names. */
export function fieldsToPatch(kind: Kind, fields: ReadBody["fields"]): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    const field = fieldNamed(kind, name);
    if (field) written[name] = valueOrInitial(field, value);
  }
  return written;
}

function valueOrInitial(field: Field, value: unknown): unknown {
  return value ?? field.initial ?? null;
}
