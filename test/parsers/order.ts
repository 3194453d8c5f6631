/** What a child is told to do with one target. */
export interface Order {
  /** Path of the module that exports it. */
  readonly module: string;
  readonly target: string;
  readonly seed: number;
  /** Path of a file in which the child notes what it is at. */
  readonly progress: string;
  readonly work:
    | { readonly is: "run"; readonly from: number; readonly inputs: number; readonly kept: readonly string[] }
    /** Makes an input and does not feed it. */
    | { readonly is: "show"; readonly input: number }
    | { readonly is: "feed"; readonly input: string };
}

/** What a run of a target came to. */
export interface Tally {
  readonly inputs: number;
  readonly accepted: number;
  readonly refused: number;
  /** Inputs that were found to fail once, fed before all others. */
  readonly kept: number;
  /** Processor time of the thread, milliseconds, and which input it was. */
  readonly longest: { readonly milliseconds: number; readonly input: number };
  /** Bytes held after a forced collection beyond those held after the first inputs. */
  readonly growth: number;
  /** Of the whole process, all its threads, seconds: what it took on whatever else the machine was doing. */
  readonly processor: number;
}

/** What a child says in the end; one that says nothing has not ended as it should. */
export type Said =
  | { readonly is: "tally"; readonly tally: Tally }
  | { readonly is: "input"; readonly input: string }
  | { readonly is: "failed"; readonly at: Step; readonly why: string; readonly shrunk?: string };

/** What a child was at: an input by its number, one that was kept, or the time before and after all of them. */
export type Step =
  | { readonly is: "opening" | "finishing" }
  | { readonly is: "input"; readonly number: number }
  | { readonly is: "kept"; readonly number: number };

const STEPS = ["opening", "input", "kept", "finishing"] as const;

/** A step as the eight bytes of the progress file. */
export function writeStep(step: Step): Uint8Array {
  return new Uint8Array(Uint32Array.of(STEPS.indexOf(step.is), "number" in step ? step.number : 0).buffer);
}

export function readStep(bytes: Uint8Array): Step {
  const [is = 0, number = 0] = new Uint32Array(Uint8Array.from(bytes).buffer);
  const name = STEPS[is] ?? "opening";
  return name === "input" || name === "kept" ? { is: name, number } : { is: name };
}

/** The limits that no single input may pass: processor time of its thread, and memory held when all is over. */
export const LIMITS = { milliseconds: 1_000, bytes: 64 * 1024 * 1024 } as const;
