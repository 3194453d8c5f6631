/** How large a run is: `full` has the sizes of the goals, `quick` shows in a minute that everything still works. */
export type Size = "full" | "quick";

export interface Run {
  readonly size: Size;
  /** A new empty folder, gone when the run is over. */
  folder(name: string): string;
  /** Says what is going on, to whoever watches. */
  tell(what: string): void;
}

/** One line of the outcome: what was measured, against what, and whether that is enough. */
export interface Row {
  /** What was measured, with its sizes. */
  readonly what: string;
  readonly ours: string;
  /** The peer or limit, measured in the same run. */
  readonly peer: string;
  readonly ratio?: number;
  readonly goal?: Goal;
}

/** A bound on a row's ratio, as its text says. */
export interface Goal {
  readonly text: string;
  readonly isMet: boolean;
}

export interface Benchmark {
  readonly name: string;
  readonly about: string;
  run(run: Run): Promise<readonly Row[]>;
}

export function atLeast(bound: number, value: number): Goal {
  return { text: `≥ ${bound}`, isMet: value >= bound };
}

export function atMost(bound: number, value: number, unit = ""): Goal {
  return { text: `≤ ${bound}${unit}`, isMet: value <= bound };
}

/** A number as people read it: three digits that mean something. */
export function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

/** The row as a line of a Markdown table. */
export function lineOf({ what, ours, peer, ratio, goal }: Row): string {
  const met = goal === undefined ? "–" : goal.isMet ? "met" : "**missed**";
  return `| ${[what, ours, peer, ratio === undefined ? "–" : figure(ratio), goal?.text ?? "none", met].join(" | ")} |`;
}

export const HEADING = ["| what | ours | peer or limit | ratio | goal | |", "|---|---|---|---|---|---|"] as const;
