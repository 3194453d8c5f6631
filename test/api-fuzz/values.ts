import fc from "fast-check";
import { type ApiDocument, idPrefix, resolved, type Schema } from "./document.ts";

/** Stands for the id of a resource that an answer has named: the last but `nth` of those that begin so. */
export interface IdOf {
  readonly idOf: string;
  readonly nth: number;
}

/** JSON, with `IdOf` where ids stand. */
export type Value = fc.Arbitrary<unknown>;

/** Values that a schema allows, most of them; what only the API writes is seldom among them. */
export function allowedBy(document: ApiDocument, schema: Schema, depth = 0): Value {
  const { $ref, anyOf, enum: names, const: only, type } = resolved(document, schema);
  if ($ref !== undefined) throw new TypeError(`${$ref} refers on`);
  if (only !== undefined) return fc.constant(only);
  if (names) return fc.constantFrom(...names);
  if (anyOf) return fc.oneof(...anyOf.map((each) => allowedBy(document, each, depth)));
  const said = resolved(document, schema);
  const [first = "object"] = typeof type === "string" ? [type] : (type ?? []);
  switch (first) {
    case "string":
      return textOf(said);
    case "integer":
    case "number":
      return fc.integer({ min: said.minimum ?? -1_000, max: Math.min(said.maximum ?? 1_000_000, 2 ** 31 - 1) });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(allowedBy(document, said.items ?? {}, depth + 1), { maxLength: Math.min(said.maxItems ?? 3, 3) });
    case "null":
      return fc.constant(null);
    default:
      return objectOf(document, said, depth);
  }
}

const DEEPEST = 3;

function objectOf(document: ApiDocument, { properties = {}, required = [] }: Schema, depth: number): Value {
  if (depth > DEEPEST) return fc.constant({});
  const all = Object.entries(properties);
  const written = all.filter(([name, property]) => required.includes(name) || !property.readOnly);
  const model = (of: typeof all) =>
    Object.fromEntries(of.map(([name, property]) => [name, allowedBy(document, property, depth + 1)]));
  const usual = fc.record(model(written), { requiredKeys: [...required] });
  if (written.length === all.length || depth > 0) return usual;
  return fc.oneof(
    { weight: 19, arbitrary: usual },
    { weight: 1, arbitrary: fc.record(model(all), { requiredKeys: [] }) },
  );
}

function textOf({ pattern, format, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<unknown> {
  const prefix = idPrefix({ ...(pattern === undefined ? {} : { pattern }) });
  if (prefix !== undefined)
    return fc.oneof({ weight: 9, arbitrary: idOf(prefix) }, { weight: 1, arbitrary: fc.constant("") });
  if (format === "date-time")
    return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") }).map(String);
  if (format === "uuid") return fc.uuid();
  if (pattern !== undefined) return patternText(pattern, { minLength, maxLength });
  return fc.string({ minLength, maxLength: Math.max(Math.min(maxLength, LONGEST_TEXT), minLength) });
}

const PATTERNS = new Map<string, fc.Arbitrary<string>>();

const LONGEST_TEXT = 40;

interface Lengths {
  readonly minLength: number;
  readonly maxLength: number;
}

function patternText(pattern: string, { minLength, maxLength }: Lengths): fc.Arbitrary<string> {
  // A class that goes on says nothing of how long: drawn as it is, hardly any text would be as long as is asked for.
  const most = Math.max(minLength, Math.min(maxLength, LONGEST_TEXT));
  const sized = pattern.replace(/\][+*]\$$/, `]{${Math.max(minLength, 1)},${most}}$`);
  let text = PATTERNS.get(sized);
  if (!text) {
    const drawn = fc.stringMatching(new RegExp(sized), { size: "small" });
    text = drawn.map((each) => (each.length <= maxLength ? each : ""));
    PATTERNS.set(sized, text);
  }
  return text;
}

/** Some id that begins so. */
export function idOf(prefix: string): fc.Arbitrary<IdOf> {
  return fc.record({ idOf: fc.constant(prefix), nth: fc.nat(3) });
}

/** Values of which a schema knows nothing. */
export const STRANGE: Value = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    "",
    0,
    -1,
    2 ** 53,
    1e300,
    true,
    [],
    {},
    "null",
    "\u0000",
    "\ud800",
    "é",
    "x".repeat(2_000),
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

/** A value with one of its members replaced by a strange one, or with one more. */
export function spoilt(value: Value): Value {
  return fc.tuple(value, fc.nat(), STRANGE, fc.boolean()).map(([whole, at, strange, isNew]) => {
    if (typeof whole !== "object" || whole === null || Array.isArray(whole)) return strange;
    const names = Object.keys(whole);
    const name = isNew || names.length === 0 ? "strange" : (names[at % names.length] ?? "strange");
    return { ...whole, [name]: strange };
  });
}
