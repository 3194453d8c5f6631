import { expect, test } from "vitest";
import { readInput, writeInput } from "./input-text.ts";
import { mutateBytes } from "./mutate/bytes.ts";
import { mutateJson } from "./mutate/json.ts";
import { mutateText } from "./mutate/text.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import type { Input } from "./target.ts";

const WHOLE: Input = { list: [1, "two", null], deep: { bytes: Uint8Array.of(1, 2, 3) }, ["__proto__"]: true };

function made(seed: string): string {
  const random = new Random(seed);
  const [json, text] = [mutateJson(random, { list: [1, "two"], deep: { yes: true } }), mutateText(random, "a text")];
  return writeInput({ json, text, bytes: mutateBytes(random, Uint8Array.of(1, 2, 3)) });
}

test("the same seed makes the same inputs, and another makes others", () => {
  const seeds = Array.from({ length: 200 }, (_, at) => `seed ${at}`);
  expect(seeds.map(made)).toEqual(seeds.map(made));
  expect(new Set(seeds.map(made)).size).toBeGreaterThan(190);
});

test("an input that is written down is read as it was, bytes and names of every sort", () => {
  expect(readInput(writeInput(WHOLE))).toEqual(WHOLE);
  expect(readInput(writeInput([Buffer.from([1, 2, 3])]))).toEqual([Uint8Array.of(1, 2, 3)]);
});

test("what is shrunk still fails, and nothing more can be left out of it", async () => {
  const fails = async (input: Input) => writeInput(input).includes("two");
  expect(await shrink(WHOLE, fails, 1_000)).toEqual({ list: ["two"] });
  expect(await shrink("it takes two or more", fails, 1_000)).toBe("two");
});
