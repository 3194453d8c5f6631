import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Fault } from "@holdfast/runtime";

export interface FuzzOptions {
  readonly from: number;
  /** How many histories; without end when that is not said. */
  readonly seeds: number;
  /** How much happens in each. */
  readonly length: number;
  /** Only these of what happens, by number. */
  readonly keep: readonly number[] | undefined;
  /** What does not happen, by name. */
  readonly without: readonly string[];
  /** Histories in which one of these does not happen are passed over. */
  readonly having: readonly string[];
  readonly jobs: number;
  /** Goes on after a failure. */
  readonly onAndOn: boolean;
  /** How often a failing history is played again to make it shorter. */
  readonly tries: number;
  readonly verbose: boolean;
}

export const HELP = `usage: npm run fuzz -- [--seeds N] [--from S] [--seed S] [--length L] [--without W] [--with W]
       [--jobs J] [--tries T] [--on] [--verbose]

Plays histories that seeds decide: operators write on both sides of cuts while links, disks, clocks and programs fail. In the
end hub and sites must agree with each other and with a reference model. Without --seeds it goes on without end.

  --seeds N     how many histories
  --from S      the first seed (1)
  --seed S      this one only
  --length L    how much happens in each (200)
  --keep 1,5,9  only these of what happens, as a shrunk failure names them
  --with W      a seed in whose history W does not happen is passed over, and not counted
  --without W   W does not happen: "a night passes" is what takes longest
  --jobs J      how many at once (${availableParallelism()} here)
  --tries T     how often a failing history is played again to make it shorter (60)
  --on          go on after a failure
  --verbose     a line for each history`;

/** Throws InvalidArgument naming the option that is wrong. */
export function optionsFrom(given: readonly string[]): FuzzOptions | "help" {
  const { values } = parse(given);
  if (values.help) return "help";
  const seed = values.seed === undefined ? undefined : whole("seed", values.seed);
  return {
    from: seed ?? whole("from", values.from ?? "1"),
    seeds:
      seed !== undefined ? 1 : values.seeds === undefined ? Number.POSITIVE_INFINITY : whole("seeds", values.seeds),
    length: whole("length", values.length ?? "200"),
    keep: values.keep?.split(",").map((each) => whole("keep", each)),
    without: values.without ?? [],
    having: values.with ?? [],
    jobs: Math.max(1, whole("jobs", values.jobs ?? String(availableParallelism()))),
    tries: whole("tries", values.tries ?? "60"),
    onAndOn: values.on ?? false,
    verbose: values.verbose ?? false,
  };
}

function parse(given: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args: [...given],
      options: {
        ...{ seeds: text, from: text, seed: text, length: text, keep: text, jobs: text, tries: text },
        without: { ...text, multiple: true },
        with: { ...text, multiple: true },
        ...{ on: flag, verbose: flag, help: flag },
      },
    });
  } catch (cause) {
    throw new Fault("InvalidArgument", `${(cause as Error).message}; see --help`, { cause });
  }
}

function whole(name: string, given: string): number {
  if (!/^\d{1,9}$/.test(given)) throw new Fault("InvalidArgument", `--${name}: "${given}" is no whole number`);
  return Number(given);
}
