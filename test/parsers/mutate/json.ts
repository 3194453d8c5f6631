import type { Random } from "../random.ts";
import type { Input } from "../target.ts";
import { NUMBERS, TEXTS } from "./interesting.ts";
import { mutateText } from "./text.ts";

type Path = readonly (string | number)[];

/** A JSON value with one to four of its parts changed, gone, doubled, moved, of another type or new. */
export function mutateJson(random: Random, from: Input): Input {
  let value = from;
  for (let changes = 1 + random.small(2); changes > 0; changes -= 1) {
    const places = pathsIn(value);
    value = replaced(value, random.pick(places), (old, holder) =>
      changed(random, { old, holder, whole: value, places }),
    );
  }
  return value;
}

interface Place {
  readonly old: Input;
  /** What the part is in; undefined for the whole. */
  readonly holder: Input | undefined;
  readonly whole: Input;
  readonly places: readonly Path[];
}

const GONE = Symbol("gone");

function changed(random: Random, { old, holder, whole, places }: Place): Input | typeof GONE {
  switch (random.below(9)) {
    case 0:
      return holder === undefined ? anyValue(random) : GONE;
    case 1:
    case 2:
      return nudged(random, old);
    case 3:
      return anyValue(random);
    case 4:
      return [old];
    case 5:
      return Array.isArray(old) ? [...old, ...old.slice(0, 1 + random.small(4))] : Array(random.small(6)).fill(old);
    case 6:
      return isObject(old)
        ? Object.fromEntries([...Object.entries(old), [random.pick(TEXTS), anyValue(random)]])
        : nested(random.small(7), old);
    case 7:
      return at(whole, random.pick(places));
    default:
      return isObject(old) ? Object.fromEntries(shuffledNames(random, old)) : nudged(random, old);
  }
}

function nudged(random: Random, old: Input): Input {
  if (typeof old === "string") return mutateText(random, old);
  if (typeof old === "number") return random.chance(0.5) ? random.pick(NUMBERS) : old + random.small(3) - 3;
  if (typeof old === "boolean") return !old;
  return anyValue(random);
}

/** Any small JSON value. */
export function anyValue(random: Random): Input {
  switch (random.below(7)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick(NUMBERS);
    case 3:
      return Array.from({ length: random.small(2) }, () => random.pick(NUMBERS));
    case 4:
      return { [random.pick(TEXTS)]: random.pick(TEXTS) };
    default:
      return random.pick(TEXTS);
  }
}

/** One value under the name of another. */
function shuffledNames(random: Random, of: Readonly<Record<string, Input>>): [string, Input][] {
  const names = Object.keys(of);
  if (names.length === 0) return [];
  const [one, other] = [random.pick(names), random.pick(names)];
  return Object.entries(of).map(([name, value]) => [name === one ? other : name === other ? one : name, value]);
}

function nested(depth: number, inner: Input): Input {
  let value = inner;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { x: value };
  return value;
}

function isObject(value: Input): value is Readonly<Record<string, Input>> {
  return value !== null && typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** Where all parts of a value are, the whole first; of a large one, the first two hundred. */
function pathsIn(value: Input): Path[] {
  const paths: Path[] = [[]];
  for (let next = 0; next < paths.length && paths.length < 200; next += 1) {
    const path = paths[next] ?? [];
    const part = at(value, path);
    if (Array.isArray(part)) for (let index = 0; index < part.length; index += 1) paths.push([...path, index]);
    else if (isObject(part)) for (const name of Object.keys(part)) paths.push([...path, name]);
  }
  return paths;
}

function at(value: Input, path: Path): Input {
  let part: unknown = value;
  for (const step of path) part = (part as Readonly<Record<string | number, unknown>>)[step];
  return part as Input;
}

function replaced(
  value: Input,
  path: Path,
  by: (old: Input, holder: Input | undefined) => Input | typeof GONE,
  holder?: Input,
): Input {
  const [step, ...rest] = path;
  if (step === undefined) {
    const next = by(value, holder);
    return next === GONE ? null : next;
  }
  const isLast = rest.length === 0;
  const inner = (old: Input): Input | typeof GONE => (isLast ? by(old, value) : replaced(old, rest, by, value));
  if (Array.isArray(value)) {
    return value.flatMap((old: Input, index) => {
      if (index !== step) return [old];
      const next = inner(old);
      return next === GONE ? [] : [next];
    });
  }
  const entries = Object.entries(value as Readonly<Record<string, Input>>).flatMap(([name, old]): [string, Input][] => {
    if (name !== step) return [[name, old]];
    const next = inner(old);
    return next === GONE ? [] : [[name, next]];
  });
  return Object.fromEntries(entries);
}
