// One process that plays histories, one after the other, as its parent asks.
import { mustBePlanted } from "../planted/plant.ts";
import "../simulation/simulation.ts";
import type { Plan } from "./history.ts";
import type { Played } from "./play.ts";

/** A history to be played: what the seed decides unless there is a plan, and only some of it when `keep` says which. */
export interface Asked {
  readonly seed: number;
  readonly length: number;
  readonly plan?: Plan | undefined;
  readonly keep?: readonly number[] | undefined;
  /** What does not happen, by name. */
  readonly without?: readonly string[] | undefined;
  /** It is passed over when one of these does not happen in it. */
  readonly having?: readonly string[] | undefined;
}

/** What came of it: its counts, or in words what was not as it must be; or that it was passed over. */
export type Outcome = { readonly played: Played } | { readonly failed: string } | { readonly lacks: string };

const { planOf, play, STEPS } = await import("./play.ts");
mustBePlanted();
let strayed: unknown;

// Whatever nobody handles is a fault of the history that is being played, unless a dead program is all that it concerns.
for (const event of ["unhandledRejection", "uncaughtException"] as const) {
  process.on(event, (error: unknown) => {
    if (!isOfTheDead(error)) strayed ??= error;
  });
}

function isOfTheDead(error: unknown): boolean {
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  return / was killed$|database connection is not open/.test(message) || name === "Killed";
}

function reduced(plan: Plan, { keep, without = [] }: Asked): Plan {
  const happenings = plan.happenings.filter(
    ({ what }, at) => (keep === undefined || keep.includes(at)) && !without.includes(what),
  );
  return { ...plan, happenings };
}

async function outcomeOf(asked: Asked): Promise<Outcome> {
  const { seed, length, plan = planOf(seed, length), having = [] } = asked;
  const unknown = having.find((each) => !Object.hasOwn(STEPS, each));
  if (unknown !== undefined) return { failed: `nothing that happens is called "${unknown}"` };
  const lacks = having.find((each) => !plan.happenings.some(({ what }) => what === each));
  if (lacks !== undefined) return { lacks };
  strayed = undefined;
  try {
    const played = await play(seed, reduced(plan, asked));
    if (strayed !== undefined) throw strayed;
    return { played };
  } catch (error) {
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

// What libraries load at their first use comes when the platform has it, which no seed decides.
await outcomeOf({ seed: 0, length: 5 });
process.on("message", async (asked: Asked) => process.send?.(await outcomeOf(asked)));
process.send?.("ready");
