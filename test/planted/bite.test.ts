import { expect, test } from "vitest";
import { verdictOf, verdictOfTest } from "./bite.ts";

const COUNTS = "4 histories, 1.5 site-hours, 97 operator actions, 80 of them taken";

test("a history that went wrong is told with its seed, and with what was said of it first", () => {
  const lines = ["seed 5 failed: AssertionError [ERR_ASSERTION]: host-1 was reset twice", "    at judge", COUNTS];
  expect(verdictOf(1, lines)).toEqual({
    is: "found",
    histories: 5,
    seed: 5,
    actions: 97,
    said: "host-1 was reset twice",
  });
  const differs = [
    "seed 5 failed: AssertionError [ERR_ASSERTION]: which there are",
    "+ actual - expected",
    "-   'host-2'",
  ];
  expect(verdictOf(1, differs)).toMatchObject({ said: "which there are - 'host-2'" });
  const other = ["seed 6 failed: it was not through after 10 minutes", COUNTS];
  expect(verdictOf(1, other)).toMatchObject({ seed: 6, said: "it was not through after 10 minutes" });
});

test("a driver that ended well has found nothing", () => {
  expect(verdictOf(0, [COUNTS, "4 passed, 0 failed"])).toEqual({ is: "not-found", actions: 97 });
});

test.each([
  ["fails without a finding", 1, ["TypeError: no"], "the driver ended with 1: TypeError: no"],
  ["is killed", null, [], "the driver ended with null: it said nothing"],
  ["lost its process", 1, ["seed 1 failed: its process ended with SIGKILL"], "its process ended with SIGKILL"],
  [
    "has not planted",
    1,
    ["the fault a was not planted", "seed 1 failed: its process ended with 70"],
    "the fault a was not planted",
  ],
])("a driver that %s proves nothing", (_what, code, lines, said) => {
  expect(verdictOf(code, lines)).toEqual({ is: "broken", said });
});

test("a test that fails with the fault in what it loads has found it", () => {
  const lines = [
    "planted: a",
    " ❯ unit judge.test.ts",
    " FAIL  |unit| judge.test.ts > nothing is begun late",
    "AssertionError",
  ];
  expect(verdictOfTest("a", 1, lines)).toEqual({ is: "found-by-test", said: "nothing is begun late" });
  expect(verdictOfTest("a", 0, ["planted: a"])).toEqual({ is: "not-found", actions: 0 });
});

test.each([
  [
    "fails without the fault in what it loads",
    1,
    [" FAIL  |unit| judge.test.ts > begins"],
    "the test does not load what a is in",
  ],
  ["ends otherwise", null, ["planted: a"], "the test ended with null: planted: a"],
])("a test that %s proves nothing", (_what, code, lines, said) => {
  expect(verdictOfTest("a", code, lines)).toEqual({ is: "broken", said });
});
