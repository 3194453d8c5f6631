// `npm run bite`: whether the proving ground would notice.
import { parseArgs } from "node:util";
import { messageOf, requireNode24 } from "@holdfast/runtime";
import { type Bite, bite, type Seeds } from "./bite.ts";
import { FAULTS } from "./faults.ts";

const SEEDS: Seeds = { from: 1, count: 100, length: 100 };
const AT_ONCE = 2;
const WIDTH = Math.max(...FAULTS.map(({ name }) => name.length));

function help(): string {
  return [
    "npm run bite [-- [NAME…] [--seeds N] [--from S] [--length L] [--list]]",
    "",
    "Plants faults, one at a time, and plays random histories until one goes wrong. Prints for each after how many histories",
    "it was found and what was said of it first. Before that the same histories must go well without a fault. Ends with 1 when",
    "a fault is not found.",
    "",
    "  NAME        these faults alone",
    `  --seeds N   at most so many histories for each; ${SEEDS.count} unless told otherwise`,
    `  --from S    the seed of the first, a whole number; ${SEEDS.from} unless told otherwise`,
    `  --length L  how much happens in each; ${SEEDS.length} unless told otherwise`,
    `  --at-once N so many processes side by side; ${AT_ONCE} unless told otherwise`,
    "  --unplanted only the histories without a fault",
    "  --list      what there is to plant, and what it breaks",
  ].join("\n");
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new Error(`--${name}: "${text}" is no whole number from 1 on`);
  return Number(text);
}

function describe(result: Bite, { from, count }: Seeds): string {
  switch (result.is) {
    case "found":
      return `${String(result.seed - from + 1).padStart(9)}  ${String(result.actions).padStart(7)}  ${result.said}`;
    case "not-found":
      return `${">".padStart(4)} ${String(count).padStart(4)}  ${String(result.actions).padStart(7)}  NOT FOUND`;
    case "broken":
      return `${"-".padStart(9)}  ${"-".padStart(7)}  BROKEN: ${result.said}`;
  }
}

/** The names of the faults that were not found. */
async function biteAll(names: readonly string[], seeds: Seeds, atOnce: number): Promise<string[]> {
  console.log(`${"fault".padEnd(WIDTH)}  histories  actions  what was said first`);
  const [waiting, missed] = [[...names], [] as string[]];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await bite(name, seeds);
      if (result.is !== "found") missed.push(name);
      console.log(`${name.padEnd(WIDTH)}  ${describe(result, seeds)}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return missed;
}

async function main(given: string[]): Promise<number> {
  requireNode24();
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values, positionals } = parseArgs({
    args: given,
    allowPositionals: true,
    options: {
      seeds: text,
      from: text,
      length: text,
      "at-once": text,
      unplanted: flag,
      list: flag,
      help: { ...flag, short: "h" },
    },
  });
  if (values.help) {
    console.log(help());
    return 0;
  }
  if (values.list) {
    for (const { name, rule, breaks } of FAULTS) console.log(`${name.padEnd(WIDTH)}  (rule ${rule}) ${breaks}`);
    return 0;
  }
  const unknown = positionals.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new Error(`no fault is called ${unknown}; see --list`);
  const seeds = {
    from: wholeNumber("from", values.from, SEEDS.from),
    count: wholeNumber("seeds", values.seeds, SEEDS.count),
    length: wholeNumber("length", values.length, SEEDS.length),
  };
  const well = await bite(undefined, seeds);
  if (well.is !== "not-found") {
    const said = well.is === "found" ? `seed ${well.seed}: ${well.said}` : well.said;
    console.error(`without a fault the histories do not go well, so nothing would be proved: ${said}`);
    return 1;
  }
  console.log(`without a fault ${seeds.count} histories go well, with ${well.actions} actions\n`);
  if (values.unplanted) return 0;
  const names = positionals.length > 0 ? positionals : FAULTS.map(({ name }) => name);
  const missed = await biteAll(names, seeds, wholeNumber("at-once", values["at-once"], AT_ONCE));
  console.log(`\n${names.length - missed.length} of ${names.length} faults are found within ${seeds.count} histories`);
  if (missed.length > 0) console.log(`not found: ${missed.join(" ")}`);
  return missed.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 2;
}
