import { expect, test } from "vitest";
import { misfitOf } from "./incarnations.ts";

test.each([
  ["a gap", { reason: "gap", first: 7 }, "entries-missing"],
  ["a batch that had a number before and is another", { reason: "forked", first: 7 }, "site-rolled-back"],
  ["a life that was over and goes on", { reason: "incarnation", first: 2 }, "site-rolled-back"],
  ["an earlier life that begins", { reason: "incarnation", first: 1 }, undefined],
  ["another life of the hub", { reason: "epoch", first: 7 }, undefined],
] as const)("%s says what a site has lost that begins another life after it (rule 21)", (_what, refused, reason) => {
  expect(misfitOf(refused, refused)).toBe(reason);
});
