import { between, type Random } from "../simulation/seeded-random.ts";

/** One thing that happens. All of it is decided before anything happens, so that it is the same when others are left out. */
export interface Happening {
  readonly what: string;
  readonly machine: number;
  readonly site: number;
  /** A number to choose by. */
  readonly which: number;
  /** Milliseconds until the next; 0 when it comes before this one is through. */
  readonly pause: number;
}

/** What is decided of one history before it begins. */
export interface Plan {
  readonly sites: number;
  readonly machines: number;
  readonly happenings: readonly Happening[];
}

const MINUTE = 60_000;

/** How long it takes until the next thing happens, and how often that is so. */
const PAUSES: readonly (readonly [weight: number, from: number, to: number])[] = [
  [35, 0, 0],
  [25, 5, 500],
  [20, 500, 10_000],
  [12, 10_000, 2 * MINUTE],
  [3, 2 * MINUTE, 20 * MINUTE],
];

/**
 * A history that a seed decides. Each uses another part of what may happen, so that what is rare together in all of it is
 * frequent in some.
 */
export function planFrom(random: Random, weights: Readonly<Record<string, number>>, length: number): Plan {
  const part = Object.entries(weights).filter(() => random() < 0.7);
  const chosen = part.length > 0 ? part : Object.entries(weights);
  const [sites, machines] = [random() < 0.6 ? 1 : 2, between(random, 1, 2)];
  const happenings = Array.from({ length }, () => ({
    what: pick(random, chosen),
    machine: between(random, 0, machines - 1),
    site: between(random, 0, sites - 1),
    which: between(random, 0, 1_000_000),
    pause: pauseFrom(random),
  }));
  return { sites, machines, happenings };
}

function pick<T>(random: Random, from: readonly (readonly [T, number])[]): T {
  let left = random() * from.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [each, weight] of from) {
    left -= weight;
    if (left < 0) return each;
  }
  const [last] = from.at(-1) ?? [];
  if (last === undefined) throw new Error("there is nothing to choose from");
  return last;
}

function pauseFrom(random: Random): number {
  const [from, to] = pick(
    random,
    PAUSES.map(([weight, least, most]) => [[least, most] as const, weight] as const),
  );
  return between(random, from, to);
}
