import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { messageOf, requireNode24 } from "@holdfast/runtime";
import { eachOf } from "../at-once.ts";
import { fuzz, type Result } from "./fuzz.ts";
import { HEADING, lineOf, storyOf } from "./report.ts";
import { moduleOf, NAMES, targetIn } from "./targets.ts";

const KEPT = new URL("./kept/", import.meta.url);
const SEED = 1;
const INPUTS = 20_000;

async function help(): Promise<string> {
  const targets = await Promise.all(NAMES.map((name) => targetIn(moduleOf(name), name)));
  const names = targets.map(({ name, about }) => `  ${name.padEnd(16)}${about}`);
  return [
    "npm run fuzz:parsers [-- [--inputs N] [--seed S] [--only NAME[,NAME…]] [--input K]]",
    "",
    "Feeds every parser with inputs that are made from a seed: sentences of its language and what is nearly one. No input",
    "may end a process, be answered with anything but what is declared, take more than a second of processor time, or",
    "leave memory behind. Ends with 1 when one does, and prints the line that replays it.",
    "",
    `  --inputs N    how many for each parser; ${INPUTS} unless told otherwise`,
    `  --seed S      what they are made from, a whole number; ${SEED} unless told otherwise`,
    "  --only NAMES  these parsers alone",
    "  --input K     the one input of this number alone",
    "",
    ...names,
  ].join("\n");
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (!/^[0-9]{1,10}$/.test(text) || number > 0xffff_ffff) throw new Error(`--${name}: "${text}" is no whole number`);
  return number;
}

function chosen(names: string | undefined): readonly string[] {
  if (names === undefined) return NAMES;
  return names.split(",").map((name) => {
    if (!NAMES.some((known) => known === name)) throw new Error(`no parser is called ${name}; see --help`);
    return name;
  });
}

/** What failed once, by target: one input a line. */
function keptFor(target: string): string[] {
  const file = new URL(`${target}.jsonl`, KEPT);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

async function main(given: string[]): Promise<number> {
  requireNode24();
  const text = { type: "string" } as const;
  const options = { help: { type: "boolean" }, inputs: text, seed: text, only: text, input: text } as const;
  const { values } = parseArgs({ args: given, options });
  if (values.help) {
    console.log(await help());
    return 0;
  }
  const seed = wholeNumber("seed", values.seed, SEED);
  const one = values.input === undefined ? undefined : wholeNumber("input", values.input, 0);
  const inputs = one === undefined ? wholeNumber("inputs", values.inputs, INPUTS) : 1;
  const stories: string[] = [];
  console.log(HEADING);
  const began = performance.now();
  await eachOf(chosen(values.only), Math.min(availableParallelism(), 4), async (target) => {
    const kept = one === undefined ? keptFor(target) : [];
    const result: Result = await fuzz({ module: moduleOf(target), target, seed, from: one ?? 0, inputs, kept });
    console.log(lineOf(target, result, seed));
    if (result.is === "failed") stories.push(storyOf(target, result, seed));
  });
  console.log(`${Math.round((performance.now() - began) / 1_000)} s`);
  for (const story of stories) console.log(`\n${story}`);
  return stories.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`fuzz:parsers: ${messageOf(error)}`);
  process.exitCode = 2;
}
