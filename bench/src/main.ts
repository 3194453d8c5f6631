import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { messageOf, requireNode24 } from "@holdfast/runtime";
import { type Benchmark, HEADING, lineOf, type Run, type Size } from "./benchmark.ts";
import { BENCHMARKS } from "./benchmarks.ts";

function help(): string {
  const names = BENCHMARKS.map(({ name, about }) => `  ${name.padEnd(18)}${about}`);
  return [
    "npm run bench [-- [--quick] [NAME…]]",
    "",
    "Measures, and prints a row for each figure with the peer or limit that was measured in the same run.",
    "Ends with 0 whether or not goals are met; with 1 when a benchmark could not be run.",
    "",
    "  --quick           smaller sizes, which show that everything works and little more",
    "",
    ...names,
  ].join("\n");
}

function chosen(names: readonly string[]): readonly Benchmark[] {
  const unknown = names.filter((name) => !BENCHMARKS.some((each) => each.name === name));
  if (unknown.length > 0) throw new Error(`no benchmark is called ${unknown.join(", ")}; see --help`);
  return names.length === 0 ? BENCHMARKS : BENCHMARKS.filter(({ name }) => names.includes(name));
}

async function measure(benchmarks: readonly Benchmark[], size: Size): Promise<boolean> {
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
    console.log(HEADING.join("\n"));
    for (const benchmark of benchmarks) {
      console.error(benchmark.name);
      try {
        for (const row of await benchmark.run(run)) console.log(lineOf(row));
      } catch (error) {
        whole = false;
        console.error(`${benchmark.name} could not be run: ${error instanceof Error ? error.stack : messageOf(error)}`);
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return whole;
}

async function main(given: string[]): Promise<number> {
  requireNode24();
  const options = { help: { type: "boolean" }, quick: { type: "boolean" } } as const;
  const { values, positionals } = parseArgs({ args: given, options, allowPositionals: true });
  if (values.help) {
    console.log(help());
    return 0;
  }
  return (await measure(chosen(positionals), values.quick ? "quick" : "full")) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${messageOf(error)}`);
  process.exitCode = 1;
}
