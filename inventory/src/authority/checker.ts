import type { Field } from "@holdfast/protocol";
import { Compile } from "typebox/schema";

/** How many parts of one sort a machine may have. */
const MAX_PARTS = 1_000;

/** Says what is wrong with a value, or undefined when nothing is. The text never holds the value. */
export type Check = (value: unknown) => string | undefined;

const CHECKS = new Map<Field, Check>();

/** The check of a field's own schema, made once. */
export function checkOf(field: Field): Check {
  const known = CHECKS.get(field);
  if (known) return known;
  const check = makeCheck(schemaOf(field));
  CHECKS.set(field, check);
  return check;
}

/** A part may lack whatever its site could not find out. */
function schemaOf({ schema, component }: Field): object {
  if (!component) return schema;
  return { type: "array", maxItems: MAX_PARTS, items: { type: "object", properties: component.fields } };
}

function makeCheck(schema: object): Check {
  const validator = Compile(checkable(schema) as object);
  return (value) => {
    if (validator.Check(value)) return undefined;
    const [, [first]] = validator.Errors(value);
    const place = first?.instancePath ? `${first.instancePath.slice(1)} ` : "";
    return `${place}${first?.message ?? "is not of the right shape"}`;
  };
}

/** Beyond these a number is no longer exact, and no column of integers holds it. */
const EXACT = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };

/**
 * The same schema with its patterns as expressions, for the compiler would read all of them in unicode mode, and with
 * bounds to every integer.
 */
function checkable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(checkable);
  if (typeof schema !== "object" || schema === null) return schema;
  const bounded = "type" in schema && schema.type === "integer" ? { ...EXACT, ...schema } : schema;
  return Object.fromEntries(
    Object.entries(bounded).map(([name, value]) => [
      name,
      name === "pattern" && typeof value === "string" ? expression(value) : checkable(value),
    ]),
  );
}

/** Patterns of the API escape what unicode mode forbids to be escaped (`\ `); those that name classes (`\p{L}`) need it. */
function expression(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch {
    return new RegExp(pattern);
  }
}
