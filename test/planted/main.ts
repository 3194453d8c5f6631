// `npm run bite`: whether the proving ground would notice.
import { parseArgs } from "node:util";
import { messageOf, requireNode24 } from "@holdfast/runtime";
import { eachOf } from "../at-once.ts";
import { type Bite, bite, biteTest, type Seeds } from "./bite.ts";
import { FAULTS } from "./faults.ts";

const SEEDS: Seeds = { from: 1, count: 30, length: 100 };
const AT_ONCE = 2;
const WIDTH = Math.max(...FAULTS.map(({ name }) => name.length));

function help(): string {
  return [
    "npm run bite [-- [NAME…] [--seeds N] [--from S] [--length L] [--list]]",
    "",
    "Plants faults, one at a time, and plays random histories without nights until one goes wrong; of some a test is run instead,",
    "which --list names. Prints for each after how many histories it was found and what was said of it first. Before that the",
    "same histories must go well without a fault. Histories in which what a fault needs does not happen are passed over, and not",
    "counted. Ends with 1 when a fault is not found.",
    "",
    "  NAME        these faults alone",
    `  --seeds N   at most so many histories for each; ${SEEDS.count} unless told otherwise`,
    `  --from S    the seed of the first, a whole number; ${SEEDS.from} unless told otherwise`,
    `  --length L  how much happens in each; ${SEEDS.length} unless told otherwise`,
    `  --at-once N so many processes side by side; ${AT_ONCE} unless told otherwise`,
    "  --histories histories for all faults, also those of which a test is run otherwise",
    "  --unplanted only the histories without a fault",
    "  --list      what there is to plant, and what it breaks",
  ].join("\n");
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new Error(`--${name}: "${text}" is no whole number from 1 on`);
  return Number(text);
}

function describe(result: Bite, { count }: Seeds): string {
  switch (result.is) {
    case "found":
      return `${String(result.histories).padStart(9)}  ${String(result.actions).padStart(7)}  ${result.said}`;
    case "not-found":
      return `${">".padStart(4)} ${String(count).padStart(4)}  ${String(result.actions).padStart(7)}  NOT FOUND`;
    case "found-by-test":
      return `${"by test".padStart(9)}  ${"-".padStart(7)}  ${result.said}`;
    case "broken":
      return `${"-".padStart(9)}  ${"-".padStart(7)}  BROKEN: ${result.said}`;
  }
}

/** The names of the faults that were not found. */
async function biteAll(
  names: readonly string[],
  { seeds, atOnce, inHistories }: { readonly seeds: Seeds; readonly atOnce: number; readonly inHistories: boolean },
): Promise<string[]> {
  console.log(`\n${"fault".padEnd(WIDTH)}  histories  actions  what was said first`);
  const missed: string[] = [];
  await eachOf(names, atOnce, async (name) => {
    const { foundBy, happens } = FAULTS.find((fault) => fault.name === name) ?? {};
    const result = inHistories || !foundBy ? await bite(name, { ...seeds, happens }) : await biteTest(name, foundBy);
    if (result.is !== "found" && result.is !== "found-by-test") missed.push(name);
    console.log(`${name.padEnd(WIDTH)}  ${describe(result, seeds)}`);
  });
  return missed;
}

/** Whether nothing goes wrong without a fault; otherwise nothing would be proved. */
async function goWell(seeds: Seeds): Promise<boolean> {
  const well = await bite(undefined, seeds);
  const which = seeds.happens === undefined ? "" : ` in which ${seeds.happens}`;
  if (well.is === "not-found") {
    console.log(`without a fault ${seeds.count} histories${which} go well, with ${well.actions} actions`);
    return true;
  }
  const said = well.is === "found" ? `seed ${well.seed}: ${well.said}` : well.said;
  console.error(`without a fault the histories${which} do not go well, so nothing would be proved: ${said}`);
  return false;
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
      histories: flag,
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
    for (const { name, rule, breaks, foundBy } of FAULTS) {
      console.log(`${name.padEnd(WIDTH)}  (rule ${rule}) ${breaks}${foundBy ? ` [${foundBy}]` : ""}`);
    }
    return 0;
  }
  const unknown = positionals.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new Error(`no fault is called ${unknown}; see --list`);
  const seeds = {
    from: wholeNumber("from", values.from, SEEDS.from),
    count: wholeNumber("seeds", values.seeds, SEEDS.count),
    length: wholeNumber("length", values.length, SEEDS.length),
  };
  const inHistories = values.histories ?? false;
  const names = positionals.length > 0 ? positionals : FAULTS.map(({ name }) => name);
  const played = FAULTS.filter(({ name, foundBy }) => names.includes(name) && (inHistories || !foundBy));
  const atOnce = wholeNumber("at-once", values["at-once"], AT_ONCE);
  let isWell = true;
  await eachOf(new Set(played.map((fault) => fault.happens)), atOnce, async (happens) => {
    if (isWell && !(await goWell({ ...seeds, happens }))) isWell = false;
  });
  if (!isWell) return 1;
  if (values.unplanted) return 0;
  const missed = await biteAll(names, { seeds, atOnce, inHistories });
  console.log(
    `\n${names.length - missed.length} of ${names.length} faults are found, within ${seeds.count} histories or by their test`,
  );
  if (missed.length > 0) console.log(`not found: ${missed.join(" ")}`);
  return missed.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 2;
}
