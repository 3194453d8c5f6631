import { readInput, writeInput } from "./input-text.ts";
import type { Order, Said, Step, Tally } from "./order.ts";
import { shrink } from "./shrink.ts";
import { carryOut, type Watching } from "./watched-child.ts";

/** How often a smaller input is tried where each try takes a process of its own. */
const TRIES = 25;

export interface Wanted {
  /** Path of the module that exports the target. */
  readonly module: string;
  readonly target: string;
  readonly seed: number;
  /** The number of the first input, and how many. */
  readonly from: number;
  readonly inputs: number;
  /** Inputs that are fed before, as `writeInput` writes them. */
  readonly kept: readonly string[];
  readonly watching?: Watching;
}

export type Result =
  | { readonly is: "held"; readonly tally: Tally }
  | {
      readonly is: "failed";
      readonly at: Step;
      readonly why: string;
      /** The input, and the least of it that fails alone; undefined when no single input did it, or none does alone. */
      readonly input?: string;
      readonly shrunk?: string;
    };

const WATCHING: Watching = { answerWithin: 120_000 };

/** Feeds a target as it is wanted, and finds the least input that fails, if one does. */
export async function fuzz({ from, inputs, kept, watching = WATCHING, ...of }: Wanted): Promise<Result> {
  const order = (work: Order["work"]): Promise<Said> => carryOut({ ...of, work }, watching);
  const said = await order({ is: "run", from, inputs, kept });
  if (said.is === "tally") return { is: "held", tally: said.tally };
  if (said.is === "input") throw new Error("a child that was told to run has shown an input");
  const { at, why } = said;
  if (at.is === "kept") return { is: "failed", at, why, ...withInput(kept[at.number]) };
  if (at.is !== "input") return { is: "failed", at, why };
  const shown = await order({ is: "show", input: at.number });
  if (shown.is !== "input") return { is: "failed", at, why };
  const fails = async (input: string) => (await order({ is: "feed", input })).is === "failed";
  const alone = await fails(shown.input);
  if (said.shrunk !== undefined || !alone) {
    return { is: "failed", at, why, ...withInput(shown.input), ...(said.shrunk ? { shrunk: said.shrunk } : {}) };
  }
  // It ends whoever is fed with it.
  const least = await shrink(readInput(shown.input), (input) => fails(writeInput(input)), TRIES);
  return { is: "failed", at, why, ...withInput(shown.input), shrunk: writeInput(least) };
}

function withInput(input: string | undefined): { input?: string } {
  return input === undefined ? {} : { input };
}
