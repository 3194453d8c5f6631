import { expect, test } from "vitest";
import { judge } from "./stamp-order.ts";

const LIVES = ["first", "second", "now"];
const stamp = (epoch: string, generation: number) => ({ id: `${epoch}-${generation}`, epoch, generation });

test.each([
  ["a later generation of the same life", stamp("first", 3), stamp("first", 2), "adopt"],
  ["an earlier generation of the same life", stamp("first", 1), stamp("first", 2), "older"],
  ["a later life, whatever its generation", stamp("second", 1), stamp("first", 9), "adopt"],
  ["an earlier life", stamp("first", 9), stamp("second", 1), "conflict"],
  ["what was written since the restore", stamp("second", 9), stamp("now", 1), "conflict"],
  ["what this life itself does not know", stamp("now", 9), stamp("first", 1), "conflict"],
  ["what this life itself does not know, of a field never written", stamp("now", 9), undefined, "conflict"],
  ["what this life itself does not know, after its own", stamp("now", 9), stamp("now", 1), "conflict"],
  ["a field that was never written", stamp("first", 1), undefined, "adopt"],
  ["a field that was never written, from a life elsewhere", stamp("elsewhere", 1), undefined, "adopt"],
  ["a life elsewhere", stamp("elsewhere", 9), stamp("first", 1), "conflict"],
  ["what came from a life elsewhere", stamp("second", 1), stamp("elsewhere", 9), "conflict"],
  ["a later generation of the same life elsewhere", stamp("elsewhere", 2), stamp("elsewhere", 1), "adopt"],
])("a stamp that the hub does not know, against %s (rule 20)", (_, held, standing, verdict) => {
  expect(judge(held, standing, LIVES)).toBe(verdict);
});
