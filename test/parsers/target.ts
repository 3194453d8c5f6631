import type { Random } from "./random.ts";

/** What is fed to a parser: JSON, and bytes. It can be written down, and shrunk. */
export type Input =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Input[]
  | { readonly [name: string]: Input };

/** Accepted: understood and, where something comes of it, done. Refused: turned down in the words that are declared for it. */
export type Verdict = "accepted" | "refused";

/** A parser under attack. */
export interface Target {
  readonly name: string;
  /** What it reads and what must hold, in one line. */
  readonly about: string;
  open(): Promise<Opened>;
}

/** A parser with all that it needs around it. */
export interface Opened {
  /** How many inputs are fed in one go, as the members of a list; one that is no list when absent. */
  readonly together?: number;
  generate(random: Random): Input;
  /** Throws whatever is not declared, and `Broken` where something was promised and does not hold. */
  feed(input: Input): Verdict | Promise<Verdict> | Promise<readonly Verdict[]>;
  /** Looks at what all inputs together have left behind. */
  finish?(): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** What a target must keep does not hold. */
export class Broken extends Error {
  override readonly name = "Broken";
}

export function mustHold(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Broken(what);
}
