import type { Input } from "./target.ts";

/**
 * A smaller input that still fails, found by leaving out parts for as long as that helps and there are tries left. What is
 * returned has failed.
 */
export async function shrink(
  failing: Input,
  stillFails: (candidate: Input) => Promise<boolean>,
  tries: number,
): Promise<Input> {
  let smallest = failing;
  let left = tries;
  for (let progress = true; progress && left > 0; ) {
    progress = false;
    for (const candidate of smaller(smallest)) {
      if (left-- <= 0) break;
      if (!(await stillFails(candidate))) continue;
      smallest = candidate;
      progress = true;
      break;
    }
  }
  return smallest;
}

/** What is left when a part is taken away: large parts first. */
function* smaller(input: Input): Generator<Input> {
  if (typeof input === "string") {
    for (const [begin, end] of cuts(input.length)) yield input.slice(0, begin) + input.slice(end);
  } else if (input instanceof Uint8Array) {
    for (const [begin, end] of cuts(input.length)) {
      yield Uint8Array.from([...input.subarray(0, begin), ...input.subarray(end)]);
    }
  } else if (Array.isArray(input)) {
    for (const [begin, end] of cuts(input.length)) yield [...input.slice(0, begin), ...input.slice(end)];
    for (const [index, part] of input.entries()) {
      for (const less of smaller(part)) yield input.with(index, less);
    }
  } else if (input !== null && typeof input === "object") {
    const entries = Object.entries(input as Readonly<Record<string, Input>>);
    for (const [name] of entries) yield Object.fromEntries(entries.filter(([other]) => other !== name));
    for (const [name, part] of entries) {
      for (const less of smaller(part)) {
        yield Object.fromEntries(entries.map(([other, value]) => [other, other === name ? less : value]));
      }
    }
  }
}

/** Which stretches to leave out: everything, halves, quarters, … down to single places. */
function* cuts(length: number): Generator<[number, number]> {
  for (let size = length; size >= 1; size = Math.floor(size / 2)) {
    for (let begin = 0; begin + size <= length; begin += size) yield [begin, begin + size];
  }
}
