import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { PLANTED } from "./in-vitest.ts";

const DRIVER = new URL("../trial/main.ts", import.meta.url).pathname;
const VITEST = new URL("../../node_modules/vitest/vitest.mjs", import.meta.url).pathname;
const ROOT = new URL("../..", import.meta.url).pathname;

/** Costs more than all else of a history, and brings out little. */
const LEFT_OUT = "a night passes";

/** What came of playing random histories. */
export type Bite =
  /** So many histories were played, the last of which went wrong, with so many operators' actions in those before it. */
  | {
      readonly is: "found";
      readonly histories: number;
      readonly seed: number;
      readonly actions: number;
      /** What was said of it first. */
      readonly said: string;
    }
  | { readonly is: "not-found"; readonly actions: number }
  /** A test failed: this one, first. */
  | { readonly is: "found-by-test"; readonly said: string }
  /** The driver itself failed, or the fault was not in what it ran. */
  | { readonly is: "broken"; readonly said: string };

/** Which histories are played, and how much happens in each. */
export interface Seeds {
  readonly from: number;
  readonly count: number;
  readonly length: number;
  /** Only those in which this happens. */
  readonly happens?: string | undefined;
}

/**
 * Plays histories with a fault planted, or with none, until one goes wrong; in processes of their own. Those in which something
 * does not happen that must are passed over and not counted.
 */
export async function bite(fault: string | undefined, { from, count, length, happens }: Seeds): Promise<Bite> {
  const which = ["--from", String(from), "--seeds", String(count), "--length", String(length)];
  const how = ["--without", LEFT_OUT, "--jobs", "1", "--tries", "0"];
  const only = happens === undefined ? [] : ["--with", happens];
  const { code, lines } = await ran([DRIVER, ...which, ...how, ...only], fault);
  return verdictOf(code, lines);
}

/** Runs a test with a fault planted. */
export async function biteTest(fault: string, test: string): Promise<Bite> {
  const { code, lines } = await ran([VITEST, "run", "--bail", "1", "--reporter", "verbose", test], fault);
  return verdictOfTest(fault, code, lines);
}

/** What the end of a test says. */
export function verdictOfTest(fault: string, code: number | null, lines: readonly string[]): Bite {
  if (!lines.includes(`${PLANTED}${fault}`))
    return { is: "broken", said: `the test does not load what ${fault} is in` };
  if (code === 0) return { is: "not-found", actions: 0 };
  const [, said] = lines.map((line) => /^ *FAIL .* > (.*)$/.exec(line)).find((match) => match !== null) ?? [];
  if (said !== undefined) return { is: "found-by-test", said };
  return { is: "broken", said: `the test ended with ${code}: ${lines.at(-1) ?? "it said nothing"}` };
}

async function ran(program: readonly string[], fault: string | undefined) {
  const child = spawn(process.execPath, program, {
    cwd: ROOT,
    env: { ...process.env, HOLDFAST_PLANT: fault ?? "", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  return { code: await ended, lines };
}

/** How the driver says which history went wrong. */
const FINDING = /^seed (\d+) failed: (?:AssertionError \[ERR_ASSERTION\]: )?(.*)$/;

/** What the end of a driver says. */
export function verdictOf(code: number | null, lines: readonly string[]): Bite {
  const last = lines.at(-1) ?? "it said nothing";
  const counted = lines.map((line) => /^(\d+) histories.* (\d+) operator actions/.exec(line)).find((match) => match);
  const [well, actions] = [Number(counted?.[1] ?? 0), Number(counted?.[2] ?? 0)];
  if (code === 0) return { is: "not-found", actions };
  const at = lines.findIndex((line) => FINDING.test(line));
  const [, seed, first = ""] = FINDING.exec(lines[at] ?? "") ?? [];
  if (code !== 1 || seed === undefined) return { is: "broken", said: `the driver ended with ${code}: ${last}` };
  // Whatever ends the process is no finding of what hub and sites hold; so too a fault that could not be planted.
  if (first.startsWith("its process ended")) {
    return { is: "broken", said: lines.find((line) => line.includes("planted")) ?? first };
  }
  // Where two things differ, in what they do.
  const differing = lines.slice(at + 1).filter((line) => /^[+-] {2}/.test(line));
  const said = [first, ...differing.slice(0, 2).map((line) => line.replaceAll(/ +/g, " "))].join(" ");
  return { is: "found", histories: well + 1, seed: Number(seed), actions, said };
}
