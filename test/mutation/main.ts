import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { messageOf, requireNode24 } from "@holdfast/runtime";
import { PARTS, type Part, partOf } from "./parts.ts";
import { type Result, told } from "./results.ts";
import { settingsFor } from "./settings.ts";

const STRYKER = `${import.meta.dirname}/stryker`;
const FOLDER = ".holdfast/mutation";

const HELP = `npm run mutate [-- [--share S] [--seed N] [--concurrency N] [PATH…]]

Changes the programs a little, one change at a time, and looks whether a unit test notices: Stryker over sync, outbox and
shapes, with the tests beside them. Prints how many changes of each file were noticed, and each that was not.
It takes hours for all of it, seconds for each change. Stryker is installed from the npm registry when it is first run.

  PATH…            these files alone, as hub/src/uplink/sequence.ts
  --share S        the changes of so many of the lines, of 1; of all of them unless told otherwise
  --seed N         which lines; 1 unless told otherwise
  --concurrency N  processes at a time; 2 unless told otherwise

Each result is a line of ${FOLDER}/PART.jsonl as soon as it is known.`;

async function run(command: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): Promise<void> {
  const [name = "", ...given] = command;
  const child = spawn(name, given, { stdio: "inherit", ...options });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (code !== 0) throw new Error(`${name} ended with ${signal ?? code}`);
}

interface Chosen {
  readonly share: string;
  readonly seed: string;
  readonly concurrency: number;
  readonly files: readonly string[];
}

async function mutate(part: Part, { share, seed, concurrency, files }: Chosen, memory: string): Promise<Result[]> {
  const [settings, results] = [`${FOLDER}/${part.name}.json`, `${FOLDER}/${part.name}.jsonl`];
  rmSync(results, { force: true });
  writeFileSync(settings, JSON.stringify({ ...settingsFor(part, files, `${FOLDER}/${part.name}`), concurrency }));
  const about = { MUTATE_PART: part.name, MUTATE_SHARE: share, MUTATE_SEED: seed, MUTATE_RESULTS: results };
  const stryker = `${STRYKER}/node_modules/@stryker-mutator/core/bin/stryker.js`;
  const env = { ...process.env, ...about, TMPDIR: memory };
  await run([process.execPath, stryker, "run", settings], { cwd: process.cwd(), env });
  const lines = existsSync(results) ? readFileSync(results, "utf8").trim().split("\n") : [];
  return lines.map((line) => JSON.parse(line) as Result);
}

async function main(given: string[]): Promise<number> {
  requireNode24();
  const text = { type: "string" } as const;
  const options = { help: { type: "boolean" }, share: text, seed: text, concurrency: text } as const;
  const { values, positionals } = parseArgs({ args: given, options, allowPositionals: true });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [share, concurrency] = [Number(values.share ?? 1), Number(values.concurrency ?? 2)];
  if (!(share > 0 && share <= 1)) throw new Error("--share: a number above 0, at most 1");
  if (!Number.isInteger(concurrency) || concurrency < 1) throw new Error("--concurrency: a whole number of at least 1");
  const parts = positionals.length === 0 ? PARTS : [...new Set(positionals.map(partOf))];
  if (!existsSync(`${STRYKER}/node_modules`)) await run(["npm", "ci", "--no-audit", "--no-fund"], { cwd: STRYKER });
  mkdirSync(FOLDER, { recursive: true });
  // Waiting for disks would be most of the work.
  const memory = mkdtempSync(`${existsSync("/dev/shm") ? "/dev/shm" : tmpdir()}/holdfast-mutation-`);
  try {
    const all: Result[] = [];
    for (const part of parts) {
      const files = positionals.filter((path) => partOf(path) === part);
      all.push(...(await mutate(part, { share: String(share), seed: values.seed ?? "1", concurrency, files }, memory)));
    }
    console.log(`\n${told(all)}`);
  } finally {
    rmSync(memory, { recursive: true, force: true });
  }
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`mutate: ${messageOf(error)}`);
  process.exitCode = 2;
}
