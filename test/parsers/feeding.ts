import { setImmediate as turn } from "node:timers/promises";
import { readInput, writeInput } from "./input-text.ts";
import { LIMITS, type Order, type Said, type Step, type Tally } from "./order.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import { type Input, mustHold, type Opened, type Target } from "./target.ts";

/** How often a smaller input is tried in the place of one that failed. */
const TRIES = 400;
/** What is held after so many inputs is what the target needs, caches and compiled code among it. */
const WARM_UP = 1_000;

export interface Feeding {
  readonly order: Order;
  readonly target: Target;
  /** Told before each step; what is told last is where it ended, however it ended. */
  readonly at: (step: Step) => void;
}

/** Does what was ordered. Rejects for nothing that a parser does. */
export async function feed({ order, target, at }: Feeding): Promise<Said> {
  const { seed, work } = order;
  at({ is: "opening" });
  const opened = await target.open();
  const one = (number: number) => opened.generate(new Random(`${target.name} ${seed} ${number}`));
  const { together } = opened;
  // Those from this number on that are fed in one go.
  const made = (number: number) =>
    together ? Array.from({ length: together }, (_, at) => one(number + at)) : one(number);
  const now: { step: Step } = { step: { is: "opening" } };
  const note = (step: Step) => {
    now.step = step;
    at(step);
  };
  try {
    if (work.is === "show") return { is: "input", input: writeInput(made(work.input)) };
    if (work.is === "feed") {
      note({ is: "input", number: 0 });
      await measured(opened, readInput(work.input));
      note({ is: "finishing" });
      await opened.finish?.();
      return { is: "tally", tally: { ...NOTHING, inputs: 1 } };
    }
    return { is: "tally", tally: await run({ opened, made, note, work }) };
  } catch (error) {
    const [why, { step }] = [sentenceOf(error), now];
    if (step.is !== "input" || work.is !== "run") return { is: "failed", at: step, why };
    const shrunk = await shrink(made(step.number), (input) => failsSo(opened, input, why), TRIES);
    return { is: "failed", at: step, why, shrunk: writeInput(shrunk) };
  }
}

const NOTHING: Tally = {
  ...{ inputs: 0, accepted: 0, refused: 0, kept: 0, growth: 0, processor: 0 },
  longest: { milliseconds: 0, input: 0 },
};

interface Run {
  readonly opened: Opened;
  readonly made: (number: number) => Input;
  readonly note: (step: Step) => void;
  readonly work: Extract<Order["work"], { is: "run" }>;
}

async function run({ opened, made, note, work }: Run): Promise<Tally> {
  const { from, inputs, kept } = work;
  for (const [number, text] of kept.entries()) {
    note({ is: "kept", number });
    await measured(opened, readInput(text));
  }
  const counts = { accepted: 0, refused: 0 };
  let longest = { milliseconds: 0, input: from };
  let before: number | undefined;
  const { together: step = 1 } = opened;
  for (let number = from; number < from + inputs; number += step) {
    if (before === undefined && number - from >= Math.min(WARM_UP, Math.floor(inputs / 10))) before = await held();
    const input = made(number);
    note({ is: "input", number });
    const { verdicts, milliseconds } = await measured(opened, input);
    for (const verdict of verdicts) counts[verdict] += 1;
    if (milliseconds > longest.milliseconds) longest = { milliseconds, input: number };
  }
  note({ is: "finishing" });
  await opened.finish?.();
  const growth = (await held()) - (before ?? 0);
  mustHold(
    growth <= LIMITS.bytes,
    `after all inputs ${Math.round(growth / 1024 / 1024)} MB more are held than after the first`,
  );
  await opened.close?.();
  const { user, system } = process.cpuUsage();
  return {
    inputs: counts.accepted + counts.refused,
    kept: kept.length,
    ...counts,
    longest,
    growth,
    processor: (user + system) / 1_000_000,
  };
}

async function measured(opened: Opened, input: Input) {
  const before = process.threadCpuUsage();
  const verdict = await opened.feed(input);
  const verdicts = typeof verdict === "string" ? [verdict] : verdict;
  const { user, system } = process.threadCpuUsage(before);
  const milliseconds = (user + system) / 1_000;
  mustHold(milliseconds <= LIMITS.milliseconds, `it took ${Math.round(milliseconds)} ms of processor time`);
  return { verdicts, milliseconds };
}

/** Bytes that are still held after everything that can go has gone. */
async function held(): Promise<number> {
  if (!globalThis.gc) throw new Error("--expose-gc is needed");
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function failsSo(opened: Opened, input: Input, why: string): Promise<boolean> {
  try {
    await measured(opened, input);
    return false;
  } catch (error) {
    return beginningOf(sentenceOf(error)) === beginningOf(why);
  }
}

/** What two failures of one sort have in common: without numbers and quotations, and no longer than the name of it. */
function beginningOf(why: string): string {
  return (why.split("\n")[0] ?? "").replaceAll(/"[^"]*"|[0-9]+/g, "…").slice(0, 60);
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : `thrown: ${String(error)}`;
}
