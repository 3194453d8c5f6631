import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const DRIVER = new URL("../trial/main.ts", import.meta.url).pathname;

/** What came of playing random histories. */
export type Bite =
  /** The history of this seed went wrong, after so many operators' actions in those before it, and what was said of it first. */
  | { readonly is: "found"; readonly seed: number; readonly actions: number; readonly said: string }
  | { readonly is: "not-found"; readonly actions: number }
  /** The driver itself failed, or the fault was not in what it ran. */
  | { readonly is: "broken"; readonly said: string };

/** Which histories are played, and how much happens in each. */
export interface Seeds {
  readonly from: number;
  readonly count: number;
  readonly length: number;
}

/** Plays histories with a fault planted, or with none, until one goes wrong; in processes of their own. */
export async function bite(fault: string | undefined, { from, count, length }: Seeds): Promise<Bite> {
  const which = ["--from", String(from), "--seeds", String(count), "--length", String(length)];
  const child = spawn(process.execPath, [DRIVER, ...which, "--jobs", "1", "--tries", "0"], {
    env: { ...process.env, HOLDFAST_PLANT: fault ?? "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  return verdictOf(await ended, lines);
}

/** How the driver says which history went wrong. */
const FINDING = /^seed (\d+) failed: (?:AssertionError \[ERR_ASSERTION\]: )?(.*)$/;

/** What the end of a driver says. */
export function verdictOf(code: number | null, lines: readonly string[]): Bite {
  const last = lines.at(-1) ?? "it said nothing";
  const counted = lines.map((line) => / (\d+) operator actions/.exec(line)).find((match) => match !== null);
  const actions = Number(counted?.[1] ?? 0);
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
  return { is: "found", seed: Number(seed), actions, said };
}
