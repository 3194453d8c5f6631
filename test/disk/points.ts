import type { ProgramName } from "./fleet.ts";
import { CALLS, type Call, type CallName, type Fault } from "./strace.ts";

/** What a program is doing when the disk fails it. */
export const PHASES = ["first-start", "restart", "work", "stop"] as const;
export type Phase = (typeof PHASES)[number];

export const FAULTS = ["kill", "eio", "enospc"] as const;

/** One call of a program that is made to fail: the `at`th of its name on that file since the phase began. */
export interface Point {
  readonly program: ProgramName;
  readonly phase: Phase;
  readonly fault: Fault;
  readonly reach: "once" | "lasting";
  readonly call: CallName;
  /** The file's name in the home; `.` for the home itself, `*` for every file of it. */
  readonly file: string;
  readonly at: number;
}

/** A place where a phase was seen to change the disk. */
export type Place = Pick<Point, "call" | "file" | "at">;

/** How often each call was made on each file. */
export type Census = ReadonlyMap<string, number>;

export function census(calls: readonly Call[], fileOf: (path: string) => string): Census {
  const counts = new Map<string, number>();
  for (const { name, path } of calls) {
    const key = `${name} ${fileOf(path)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** The greatest count of each. */
export function joined(some: readonly Census[]): Census {
  const counts = new Map<string, number>();
  for (const each of some) for (const [key, count] of each) counts.set(key, Math.max(count, counts.get(key) ?? 0));
  return counts;
}

/** Every place of a census: the first of each call and file, then the rest in an order that a seed gives. */
export function places(counts: Census, random: () => number): Place[] {
  const all = [...counts].flatMap(([key, count]) => {
    const [call = "write", file = ""] = key.split(" ") as [CallName, string];
    return Array.from({ length: count }, (_, index) => ({
      call,
      file,
      at: index + 1,
      order: index === 0 ? 0 : random(),
    }));
  });
  return all.toSorted((a, b) => a.order - b.order).map(({ order: _order, ...place }) => place);
}

/** A point in words, as `--point` takes them. */
export function wordsOf({ program, phase, fault, reach, call, file, at }: Point): string {
  return `${program} ${phase} ${fault} ${reach} ${call} ${file} ${at}`;
}

/** Throws naming the word that is none. */
export function pointOf(words: string): Point {
  const [program = "", phase = "", fault = "", reach = "", call = "", file = "", at = ""] = words.split(" ");
  return {
    program: oneOf(["hub", "site"], program),
    phase: oneOf(PHASES, phase),
    fault: oneOf(FAULTS, fault),
    reach: oneOf(["once", "lasting"], reach),
    call: oneOf(CALLS, call),
    file,
    at: Number(at),
  };
}

function oneOf<T extends string>(known: readonly T[], word: string): T {
  const found = known.find((each) => each === word);
  if (found === undefined) throw new Error(`"${word}" is none of ${known.join(", ")}`);
  return found;
}

/** mulberry32: numbers from 0 up to 1 that a seed decides. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
