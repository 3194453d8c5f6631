import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

/** A row of the table of attacks: its number, and the tests that it names. */
interface Attack {
  readonly number: string;
  readonly shownBy: readonly { readonly path: string; readonly title: string }[];
}

/** The rows of the table under `## Attacks`. The last cell names tests as `path`: title; `path`: title. */
function attacksIn(page: string): readonly Attack[] {
  const table = page.split(/^## /m).find((section) => section.startsWith("Attacks\n")) ?? "";
  return [...table.matchAll(/^\| (\d+) \|.*\| ([^|]*) \|$/gm)].map(([, number = "", cell = ""]) => ({
    number,
    // A title may hold a semicolon: only one before a path ends it.
    shownBy: cell.split(/; (?=`)/).map((one) => {
      const [, path = "", title = ""] = one.match(/^`([^`]+)`: (.+)$/) ?? [];
      return { path, title };
    }),
  }));
}

function isTitleIn(source: string, title: string): boolean {
  const begins = /\b(?:test|it)(?:\.each\([^\n]*\)|\.\w+)?\(\s*(["`])/g;
  return [...source.matchAll(begins)].some(({ 0: call, 1: quote, index }) =>
    source.startsWith(`${title}${quote}`, index + call.length),
  );
}

const ATTACKS = attacksIn(readFileSync(`${REPOSITORY}docs/threat-model.md`, "utf8"));

test("the attacks of docs/threat-model.md are numbered one by one", () => {
  expect(ATTACKS.length).toBeGreaterThan(0);
  expect(ATTACKS.map(({ number }) => number)).toEqual(ATTACKS.map((_, at) => String(at + 1)));
});

test.each(ATTACKS)("attack $number of docs/threat-model.md names tests that there are", ({ shownBy }) => {
  const missing = shownBy.filter(({ path, title }) => {
    const file = `${REPOSITORY}${path}`;
    return title === "" || !existsSync(file) || !isTitleIn(readFileSync(file, "utf8"), title);
  });
  expect(missing).toEqual([]);
});
