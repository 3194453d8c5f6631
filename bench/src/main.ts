import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { messageOf, requireNode24 } from "@holdfast/runtime";
import { missingPackages, provide } from "../../scripts/debian.ts";
import type { Benchmark, Row, Run, Size } from "./benchmark.ts";
import { BENCHMARKS } from "./benchmarks.ts";
import { HEADING, jsonOf, lineOf } from "./shown.ts";

function help(): string {
  const names = BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(22)}${about}`);
  return [
    "npm run bench [-- [--quick] [--json] [NAME…]]",
    "",
    "Measures, and prints a row for each figure with the peer or limit that was measured in the same run.",
    "Ends with 0 whether or not goals are met; with 1 when a benchmark could not be run; with 2 when asked for one that",
    "there is not. As root it installs the Debian packages that a benchmark needs.",
    "",
    "  --quick               smaller sizes, which show that everything works and little more",
    "  --json                one array of rows on stdout instead of a table, at the end; `goal` bounds `ratio`, from the",
    "                        side that `direction` says. npm prints two lines of its own before it, `npm run -s` does not",
    "",
    ...names,
  ].join("\n");
}

/** Where rows go as they come, and what is left to say at the end. */
interface Output {
  row(row: Row): void;
  end(): void;
}

function table(): Output {
  console.log(HEADING.join("\n"));
  return { row: (row) => console.log(lineOf(row)), end: () => undefined };
}

function json(): Output {
  const rows: Row[] = [];
  return {
    row(row) {
      rows.push(row);
      console.error(lineOf(row));
    },
    end: () => console.log(JSON.stringify(rows.map(jsonOf), undefined, 2)),
  };
}

async function provideFor(benchmarks: readonly Benchmark[]): Promise<void> {
  await provide(benchmarks.flatMap(({ needs = {} }) => Object.entries(needs)));
}

/** What a benchmark cannot be run without. */
function lacks({ needs = {} }: Benchmark): string | undefined {
  const missing = missingPackages(Object.entries(needs));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")} (root may: apt-get install)`;
}

async function measure(benchmarks: readonly Benchmark[], size: Size, output: Output): Promise<boolean> {
  const root = mkdtempSync(`${tmpdir()}/holdfast-bench-`);
  let folders = 0;
  const run: Run = {
    size,
    folder: (name) => {
      const path = `${root}/${name}-${++folders}`;
      mkdirSync(path);
      return path;
    },
    tell: (what) => console.error(`  ${what}`),
  };
  let whole = true;
  try {
    for (const benchmark of benchmarks) {
      console.error(benchmark.name);
      const lacking = lacks(benchmark);
      if (lacking !== undefined) {
        whole = false;
        console.error(`${benchmark.name} could not be run: ${lacking}`);
        continue;
      }
      try {
        for (const row of await benchmark.run(run)) output.row(row);
      } catch (error) {
        whole = false;
        console.error(`${benchmark.name} could not be run: ${error instanceof Error ? error.stack : messageOf(error)}`);
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  output.end();
  return whole;
}

async function main(given: string[]): Promise<number> {
  requireNode24();
  const flag = { type: "boolean" } as const;
  const options = { help: { ...flag, short: "h" }, quick: flag, json: flag } as const;
  const { values, positionals: names } = parseArgs({ args: given, options, allowPositionals: true });
  if (values.help) {
    console.log(help());
    return 0;
  }
  const unknown = names.filter((name) => !BENCHMARKS.some((each) => each.name === name));
  if (unknown.length > 0) {
    const there = BENCHMARKS.map(({ name }) => name).join(", ");
    console.error(`bench: no benchmark is called ${unknown.join(", ")}; there are ${there}`);
    return 2;
  }
  const chosen = BENCHMARKS.filter(({ name }) => names.length === 0 || names.includes(name));
  await provideFor(chosen);
  return (await measure(chosen, values.quick ? "quick" : "full", values.json ? json() : table())) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${messageOf(error)}`);
  process.exitCode = 1;
}
