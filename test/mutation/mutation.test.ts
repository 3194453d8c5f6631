import { existsSync, globSync } from "node:fs";
import { expect, test } from "vitest";
import { PARTS, partOf } from "./parts.ts";
import { type Result, told } from "./results.ts";
import { fromRoot, isInSample, strykerPlugins } from "./sample.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const LINES = Array.from({ length: 1_000 }, (_, at) => at + 1);

function drawn(seed: string, share: number): number[] {
  return LINES.filter((line) => isInSample({ seed, share }, "hub/src/a.ts", line));
}

test("a sample is about as large as asked for, the same for a seed, and a part of each larger one", () => {
  const [tenth, half] = [drawn("1", 0.1), drawn("1", 0.5)];
  expect(tenth.length).toBeGreaterThan(60);
  expect(tenth.length).toBeLessThan(140);
  expect(half).toEqual(expect.arrayContaining(tenth));
  expect(drawn("1", 0.1)).toEqual(tenth);
  expect(drawn("2", 0.1)).not.toEqual(tenth);
  expect(drawn("1", 1)).toEqual(LINES);
});

test("without a share every line is tried", () => {
  const loc = { start: { line: 3 }, end: { line: 3 } };
  expect(strykerPlugins.map(({ value }) => value.shouldIgnore({ node: { type: "Identifier", loc } }))).toEqual([
    undefined,
  ]);
});

test("a file is called as in the repository, wherever its copy is", () => {
  expect(fromRoot("/a/hub/.holdfast/copy/sandbox-x/hub/src/uplink/body.ts")).toBe("hub/src/uplink/body.ts");
});

test("each part has files and tests, and a file is of one part", () => {
  for (const { mutated, tests } of PARTS) {
    for (const glob of [...mutated, ...tests]) expect(globSync(glob, { cwd: ROOT }), glob).not.toEqual([]);
  }
  expect(partOf("site-node/src/outbox/seal.ts").name).toBe("site-node");
  expect(() => partOf("agent/src/agent.ts")).toThrow("in no part");
  expect(existsSync(`${ROOT}test/mutation/stryker/package-lock.json`)).toBe(true);
});

test("what was told of is counted by file, and what nobody noticed stands below", () => {
  const result = (status: Result["status"], line: number): Result => {
    return { file: "hub/src/a.ts", line, column: 2, mutator: "EqualityOperator", replacement: "a <=\n b", status };
  };
  const lines = told([
    result("Killed", 1),
    result("Timeout", 2),
    result("Survived", 3),
    result("NoCoverage", 4),
    result("Ignored", 5),
  ]).split("\n");
  expect(lines.find((line) => line.startsWith("all"))?.match(/\d+/g)).toEqual(["4", "2", "1", "1"]);
  expect(lines.slice(-2)).toEqual([
    "hub/src/a.ts:3:2 EqualityOperator: a <= b",
    "hub/src/a.ts:4:2 EqualityOperator: a <= b, where no test comes",
  ]);
});
