import { descriptor, type Messages } from "@holdfast/protocol/gen/agent";
import { NUMBERS, TEXTS } from "./mutate/interesting.ts";
import type { Random } from "./random.ts";
import type { Input } from "./target.ts";

interface Field {
  readonly type: string;
  readonly id: number;
  readonly rule?: string;
  readonly keyType?: string;
  readonly options?: { readonly proto3_optional?: boolean };
}

interface Type {
  readonly fields: Readonly<Record<string, Field>>;
  readonly nested?: Readonly<Record<string, { readonly values: Readonly<Record<string, number>> }>>;
}

const TYPES: Readonly<Record<string, Type>> = descriptor.nested.holdfast.nested.agent.nested.v1.nested;

/** Every message that agents and their sites exchange. */
export const MESSAGE_NAMES = Object.keys(TYPES) as (keyof Messages)[];

/** A message of this type with values at random, some at the edges of what their type can be. */
export function messageValue(random: Random, name: string): Readonly<Record<string, Input>> {
  const { fields, nested = {} } = TYPES[name] ?? { fields: {} };
  const said = Object.entries(fields).filter(([, { options }]) => !options?.proto3_optional || random.chance(0.8));
  return Object.fromEntries(
    said.map(([field, { type, rule, keyType }]) => {
      const one = () => value(random, type, nested);
      const many = Array.from({ length: random.small(2) }, one);
      if (keyType) return [field, Object.fromEntries(many.map((each) => [text(random), each]))];
      return [field, rule === "repeated" ? many : one()];
    }),
  );
}

function value(random: Random, type: string, nested: NonNullable<Type["nested"]>): Input {
  switch (type) {
    case "uint32":
      return random.chance(0.1) ? 0xffff_ffff : random.small(16);
    case "uint64":
      return random.chance(0.1) ? 2 ** 53 - random.below(2) : random.small(31);
    case "double":
      return random.chance(0.5) ? random.pick(NUMBERS) : random.next() / 3;
    case "bool":
      return random.chance(0.5);
    case "string":
      return text(random);
    case "bytes":
      return random.bytes(random.small(6));
    default: {
      const values = nested[type]?.values;
      return values ? random.pick(Object.values(values)) : messageValue(random, type);
    }
  }
}

function text(random: Random): string {
  if (random.chance(0.1)) return random.pick(TEXTS);
  if (random.chance(0.02)) return "x".repeat(random.small(16));
  return random.pick([
    "eth0",
    "/dev/sda",
    "00:11:22:33:44:55",
    "192.0.2.7/24",
    "SN-1",
    "performance",
    "a1b2",
    "Intel(R)",
  ]);
}
