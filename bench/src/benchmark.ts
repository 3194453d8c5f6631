/** How large a run is: `full` has the sizes of the goals, `quick` shows in a minute that everything still works. */
export type Size = "full" | "quick";

export interface Run {
  readonly size: Size;
  /** A new empty folder, gone when the run is over. */
  folder(name: string): string;
  /** Says what is going on, to whoever watches. */
  tell(what: string): void;
}

/** One figure of the outcome: what was measured, against what, and how much of it there should be. */
export interface Row {
  /** The benchmark's name; a further row of the same benchmark has its own after a slash. */
  readonly name: string;
  /** What was measured, with its sizes. */
  readonly what: string;
  /** Of `value` and `peerValue`. */
  readonly unit: string;
  readonly value: number;
  /** What else was seen of ours. */
  readonly more?: string;
  /** The peer or limit of the same run. */
  readonly peer: string;
  readonly peerValue: number;
  readonly peerMore?: string;
  /** Ours over the peer's: of the rounds' ratios the one in the middle. */
  readonly ratio: number;
  readonly goal?: Goal;
}

/** Where a row's ratio should be. */
export interface Goal {
  readonly direction: "at least" | "at most";
  readonly bound: number;
}

export interface Benchmark {
  readonly name: string;
  readonly about: string;
  /** Commands that it calls, each with the Debian package that brings it. */
  readonly needs?: Readonly<Record<string, string>>;
  run(run: Run): Promise<readonly Row[]>;
}

export function atLeast(bound: number): Goal {
  return { direction: "at least", bound };
}

export function atMost(bound: number): Goal {
  return { direction: "at most", bound };
}

interface Limited extends Pick<Row, "name" | "what" | "unit" | "more"> {
  readonly value: number;
  readonly limit: number;
}

/** The row of a figure that has a limit and no peer. */
export function underLimit({ limit, value, ...about }: Limited): Row {
  return { ...about, value, peer: "limit", peerValue: limit, ratio: value / limit, goal: atMost(1) };
}

/** Whether the row is where it should be; undefined when nobody said where. */
export function holds({ ratio, goal }: Pick<Row, "ratio" | "goal">): boolean | undefined {
  if (goal === undefined) return undefined;
  return goal.direction === "at least" ? ratio >= goal.bound : ratio <= goal.bound;
}
