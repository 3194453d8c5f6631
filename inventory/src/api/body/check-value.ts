import { Fault } from "@holdfast/runtime";

/** The part of JSON Schema that declarations use. */
export interface ValueSchema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: ValueSchema;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly required?: readonly string[];
}

/**
 * Throws InvalidArgument, naming the place as `metadata[0].key`, unless a value is what its schema says; objects have no
 * properties beyond those declared. TypeBox's own checker compiles every pattern with the `u` flag, under which some
 * patterns of this API, written for another engine, are no patterns.
 */
export function checkValue(schema: ValueSchema, value: unknown, place: string): void {
  const check = CHECKS[schema.type ?? ""];
  if (!check) throw new TypeError(`no check for a value of type ${String(schema.type)}`);
  check(schema, value, place);
}

/** Whether a value is what its schema says. */
export function isAllowed(schema: ValueSchema, value: unknown): boolean {
  try {
    checkValue(schema, value, BODY);
    return true;
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
}

type Check = (schema: ValueSchema, value: unknown, place: string) => void;

const CHECKS: Readonly<Record<string, Check>> = {
  string: checkText,
  integer: checkInteger,
  boolean: checkBoolean,
  array: checkArray,
  object: checkObject,
};

export function refusal(place: string, what: string): Fault {
  return new Fault("InvalidArgument", `${place === BODY ? "the body" : place}: ${what}`);
}

function checkText(schema: ValueSchema, value: unknown, place: string): void {
  if (typeof value !== "string") throw refusal(place, "must be a text");
  if (schema.enum && !schema.enum.includes(value)) throw refusal(place, `must be one of ${schema.enum.join(", ")}`);
  if (schema.maxLength !== undefined && value.length > schema.maxLength) {
    throw refusal(place, `must not be longer than ${schema.maxLength} characters`);
  }
  if (schema.minLength !== undefined && value.length < schema.minLength) {
    throw refusal(place, `must not be shorter than ${schema.minLength} characters`);
  }
  if (schema.pattern !== undefined && !compiled(schema.pattern).test(value)) {
    throw refusal(place, `must match ${schema.pattern}`);
  }
}

const PATTERNS = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  let known = PATTERNS.get(pattern);
  if (!known) {
    known = new RegExp(pattern, pattern.includes("\\p{") ? "u" : "");
    PATTERNS.set(pattern, known);
  }
  return known;
}

function checkInteger(schema: ValueSchema, value: unknown, place: string): void {
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw refusal(place, "must be a whole number");
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
  if (value < minimum || value > maximum) throw refusal(place, `must be between ${minimum} and ${maximum}`);
}

function checkBoolean(_schema: ValueSchema, value: unknown, place: string): void {
  if (typeof value !== "boolean") throw refusal(place, "must be true or false");
}

function checkArray(schema: ValueSchema, value: unknown, place: string): void {
  if (!Array.isArray(value)) throw refusal(place, "must be a list");
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    throw refusal(place, `must not have more than ${schema.maxItems} members`);
  }
  const { items } = schema;
  if (items) for (const [index, item] of value.entries()) checkValue(items, item, `${place}[${index}]`);
}

/** The place of a body itself. */
export const BODY = "";

/** Throws InvalidArgument unless a value is a JSON object. */
export function objectAt(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw refusal(place, "must be an object");
  return value as Readonly<Record<string, unknown>>;
}

function checkObject(schema: ValueSchema, value: unknown, place: string): void {
  const object = objectAt(value, place);
  for (const [name, inner] of Object.entries(object)) {
    const property = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
    if (!property) throw refusal(placeIn(place, name), "unknown field");
    checkValue(property, inner, placeIn(place, name));
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(object, name)) throw refusal(placeIn(place, name), "is needed");
  }
}

function placeIn(place: string, name: string): string {
  return place === BODY ? name : `${place}.${name}`;
}
