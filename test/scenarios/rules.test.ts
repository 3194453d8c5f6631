import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["protocol", "runtime", "inventory", "hub", "site-node", "agent", "test"];

/** Rules that have no test yet, each with the reason why it cannot have one. */
const UNTESTED = new Map([[18, "there is no installing yet"]]);

function testFiles(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(`${REPOSITORY}${folder}`, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts") && !path.includes("node_modules") && !path.endsWith("rules.test.ts"))
      .map((path) => `${REPOSITORY}${folder}/${path}`),
  );
}

/** Numbers in `(rule 7)` and `(rules 7, 16)` of a text. */
function rulesIn(text: string): number[] {
  return [...text.matchAll(/\(rules? ([\d, ]+)\)/g)].flatMap(([, numbers = ""]) => numbers.split(",").map(Number));
}

test("every rule of docs/sync.md is named by a test, and tests name no other", () => {
  const rules = [...readFileSync(`${REPOSITORY}docs/sync.md`, "utf8").matchAll(/^\*\*(\d+)\./gm)].map(([, number]) =>
    Number(number),
  );
  expect(rules).toEqual(Array.from({ length: 23 }, (_, at) => at + 1));
  const named = new Set(testFiles().flatMap((path) => rulesIn(readFileSync(path, "utf8"))));
  expect(rules.filter((rule) => !named.has(rule) && !UNTESTED.has(rule))).toEqual([]);
  expect([...named].filter((rule) => !rules.includes(rule))).toEqual([]);
});
