import { hours, minutes, seconds } from "@holdfast/runtime";

/** How many wrong passwords somebody may have sent, and how long they wait after more. */
export interface Patience {
  readonly free: number;
  readonly first: number;
  readonly most: number;
}

/** Of a name: five, then half a minute, doubled each time, a quarter of an hour at most. */
export const PATIENCE_WITH_NAME: Patience = { free: 5, first: seconds(30), most: minutes(15) };

/** Of an address, behind which there may be many people: twenty, then a second, doubled each time. */
export const PATIENCE_WITH_ADDRESS: Patience = { free: 20, first: seconds(1), most: minutes(15) };

/** After so long without a wrong one, all is forgotten. */
export const FORGOTTEN_AFTER = hours(1);

/** How long whoever was wrong so often waits, milliseconds. */
export function waitAfter(failures: number, { free, first, most }: Patience): number {
  if (failures < free) return 0;
  return Math.min(most, first * 2 ** (failures - free));
}

/** What is known of somebody who was wrong. */
export interface Failures {
  readonly failures: number;
  readonly last: number;
  /** They wait until then. */
  readonly until: number;
}

/** The same after one more wrong password. */
export function oneMore(before: Failures | undefined, now: number, patience: Patience): Failures {
  const standing = before && now - before.last < FORGOTTEN_AFTER ? before.failures : 0;
  const failures = standing + 1;
  return { failures, last: now, until: now + waitAfter(failures, patience) };
}
