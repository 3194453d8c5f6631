import { setTimeout as wait } from "node:timers/promises";

/** Time as an argument: tests pass their own. Milliseconds. */
export interface Clock {
  /** Milliseconds since the epoch. May jump: no merge and no order may rest on it. */
  now(): number;
  /** Milliseconds since some moment in the past; never goes back. For measuring how long something takes. */
  monotonic(): number;
  /** Resolves after that long; rejects with the signal's reason when it is aborted first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    signal?.throwIfAborted();
    await wait(milliseconds, undefined, signal ? { signal } : {}).catch((cause) => {
      throw signal?.aborted ? signal.reason : cause;
    });
  },
};

export function seconds(count: number): number {
  return count * 1_000;
}

export function minutes(count: number): number {
  return count * 60_000;
}

export function hours(count: number): number {
  return count * 3_600_000;
}
