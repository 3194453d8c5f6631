import { expect, test } from "vitest";
import { withLives } from "./lives.ts";

test.each<[what: string, told: string[], lives: string[]]>([
  ["a lost database come before this one's", ["a", "b"], ["a", "b", "x", "y"]],
  ["this one change nothing", ["x", "y"], ["x", "y"]],
  ["no database change nothing", [], ["x", "y"]],
  ["somebody who believes in a later one come before the one that is now", ["y", "z"], ["x", "z", "y"]],
])("lives of %s", (_what, told, lives) => {
  expect(withLives(["x", "y"], told)).toEqual(lives);
});

test("sites that know different lives of a lost database complete one another, in the order in which they tell them", () => {
  const first = withLives(["x", "y"], ["a", "b"]);
  expect(withLives(first, ["a", "b", "c"])).toEqual(["a", "b", "c", "x", "y"]);
  expect(withLives(first, ["before", "b"])).toEqual(["before", "a", "b", "x", "y"]);
  expect(withLives(first, ["a", "between", "b"])).toEqual(["a", "between", "b", "x", "y"]);
});
