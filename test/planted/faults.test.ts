import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { expect, test } from "vitest";
import { plantedIn } from "./fault.ts";
import { FAULTS } from "./faults.ts";

const FAULT = { name: "fault", rule: 1, breaks: "", file: "file.ts", find: "a + b", put: "a - b" };

test("there are at least forty faults to plant, each with a name of its own", () => {
  const names = FAULTS.map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(40);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  expect(names.filter((name) => !/^[a-z][a-z-]+$/.test(name))).toEqual([]);
});

test.each(FAULTS)("$name changes what its file says in one place, and leaves a program", (fault) => {
  const text = readFileSync(new URL(`../../${fault.file}`, import.meta.url), "utf8");
  const planted = plantedIn(fault, text);
  expect(planted).not.toBe(text);
  expect(stripTypeScriptTypes(planted)).not.toBe("");
});

test("each fault names a rule of docs/sync.md", () => {
  const rules = readFileSync(new URL("../../docs/sync.md", import.meta.url), "utf8");
  expect(FAULTS.filter(({ rule }) => !rules.includes(`**${rule}. `)).map(({ name }) => name)).toEqual([]);
});

test.each([
  ["is not there", "a * b"],
  ["is there twice", "a + b; a + b"],
])("a fault whose text %s is not planted", (_what, text) => {
  expect(() => plantedIn(FAULT, text)).toThrow(/fault cannot be planted/);
  expect(plantedIn(FAULT, "x = a + b;")).toBe("x = a - b;");
});
