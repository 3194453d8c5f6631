import { NUMBERS, TEXTS } from "./mutate/interesting.ts";
import type { Random } from "./random.ts";
import type { Input } from "./target.ts";

/** The part of JSON Schema that this project's declarations and its OpenAPI document use. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly Input[];
  readonly const?: Input;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly readOnly?: boolean;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
}

export interface Around {
  /** Values for fields of these names, which no schema tells. */
  readonly known?: Readonly<Record<string, readonly Input[]>>;
  /** What a `$ref` means. */
  readonly refersTo?: (ref: string) => Schema;
}

const SAMPLES: readonly string[] = [
  ...["a name", "oslo-1", "debian", "a", "x86_64", "A text: with (more) of it?", "/dev/sda", "192.0.2.7", "12:30"],
  ...["0123456789abcdef", "a".repeat(64), "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f", "0a1b-2c3d-4e5f-6071-8293"],
  ...["site-0a1b2c3d", "host-0a1b2c3d", "token-0123456789abcdef", "2026-11-23T08:00:00Z", "17", "http://a/b", ""],
];

const PATTERNS = new Map<string, readonly string[]>();

/** A value that a schema allows, or that its author did not think of. */
export function schemaValue(random: Random, schema: Schema, around: Around, name = ""): Input {
  const known = around.known && Object.hasOwn(around.known, name) ? around.known[name] : undefined;
  if (known && random.chance(0.8)) return random.pick(known);
  if (schema.$ref !== undefined) return schemaValue(random, around.refersTo?.(schema.$ref) ?? {}, around, name);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return random.pick(schema.enum);
  const variants = schema.anyOf ?? schema.allOf;
  if (variants) return schemaValue(random, random.pick(variants), around, name);
  switch (Array.isArray(schema.type) ? random.pick(schema.type as readonly string[]) : schema.type) {
    case "string":
      return textOf(random, schema);
    case "integer":
    case "number":
      return random.chance(0.2)
        ? random.pick(NUMBERS)
        : Math.min((schema.minimum ?? 0) + random.small(12), schema.maximum ?? 2 ** 53);
    case "boolean":
      return random.chance(0.5);
    case "array":
      return Array.from({ length: random.small(2) }, () => schemaValue(random, schema.items ?? {}, around));
    case "object":
      return objectOf(random, schema, around);
    case "null":
      return null;
    default:
      return random.pick<Input>([random.pick(TEXTS), random.pick(NUMBERS), {}, [], null, true]);
  }
}

function objectOf(
  random: Random,
  { properties = {}, required = [], patternProperties }: Schema,
  around: Around,
): Input {
  const entries = Object.entries(properties).flatMap(([name, schema]): [string, Input][] => {
    const isSaid = required.includes(name) ? random.chance(0.97) : random.chance(schema.readOnly ? 0.05 : 0.5);
    return isSaid ? [[name, schemaValue(random, schema, around, name)]] : [];
  });
  const [free] = Object.values(patternProperties ?? {});
  const more = free
    ? Array.from({ length: random.small(2) }, (): [string, Input] => [
        random.pick(TEXTS),
        schemaValue(random, free, around),
      ])
    : [];
  return Object.fromEntries([...entries, ...more]);
}

function textOf(random: Random, { pattern, minLength = 0, maxLength = 1_000 }: Schema): string {
  if (random.chance(0.05)) return random.pick(TEXTS);
  if (random.chance(0.03)) return "a".repeat(Math.min(maxLength + random.below(3) - 1, 5_000));
  const fitting = samplesFor(pattern).filter((each) => each.length >= minLength && each.length <= maxLength);
  return fitting.length > 0 ? random.pick(fitting) : random.pick(SAMPLES);
}

function samplesFor(pattern: string | undefined): readonly string[] {
  if (pattern === undefined) return SAMPLES;
  const known = PATTERNS.get(pattern);
  if (known) return known;
  // Some patterns of this API are none under the flag that others need.
  const expression = new RegExp(pattern, pattern.includes("\\p{") ? "u" : "");
  const fitting = SAMPLES.filter((each) => expression.test(each));
  PATTERNS.set(pattern, fitting);
  return fitting;
}
