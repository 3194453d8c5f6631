import { expect, test } from "vitest";
import { fuzz, type Result } from "./fuzz.ts";

const MODULE = new URL("./faulty/targets.ts", import.meta.url).pathname;

function fuzzed(target: string): Promise<Result> {
  return fuzz({ module: MODULE, target, seed: 1, from: 0, inputs: 1_000, kept: [], watching: { answerWithin: 2_000 } });
}

test("a parser that is sound is fed with all inputs, which are counted", async () => {
  expect(await fuzzed("sound")).toMatchObject({ is: "held", tally: { inputs: 1_000, accepted: 1_000, refused: 0 } });
});

test.each([
  ["throws", /SyntaxError/],
  ["loops", /does not come back/],
  ["never-answers", /is not answered, and nobody works on it/],
  ["ends-the-process", /the process ended by itself: exit 0/],
  ["rejects-unheard", /a rejection that nothing handled: Error: nobody waits/],
  ["throws-later", /an exception that nothing caught: Error: nobody catches/],
  ["takes-all-memory", /the process ended by itself: SIGABRT|does not come back/],
  ["breaks-its-word", /Broken: two and two are five/],
])("a parser that %s is found, with the input that made it", async (name, why) => {
  expect(await fuzzed(name)).toMatchObject({
    is: "failed",
    at: { is: "input", number: 137 },
    why: expect.stringMatching(why),
  });
});

test("a parser that keeps what it read is found once all is over", async () => {
  const found = await fuzzed("keeps-what-it-read");
  expect(found).toMatchObject({
    is: "failed",
    at: { is: "finishing" },
    why: expect.stringMatching(/MB more are held/),
  });
});
