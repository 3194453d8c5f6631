import { type Clock, minutes, seconds } from "@holdfast/runtime";

/** A batch of so many bytes at most is none of a backlog: it is always taken. */
export const SMALL_BATCH = 64 * 1024;

/** A site that has sent nothing for so long is not draining any more, or has been cut off. */
const IDLE_AFTER = seconds(10);
/** Whoever was sent away and has not come back for so long is not counted among those who wait. */
const GONE_AFTER = minutes(5);
const SHORTEST_WAIT = 2;
const LONGEST_WAIT = 120;
/** How long a site drains, roughly, in seconds: what decides is how many there are before one. */
const DRAINS_FOR = 10;

export type Turn =
  | { readonly taken: true; readonly done: () => void; readonly retryAfter?: undefined }
  /** Seconds. */
  | { readonly taken: false; readonly retryAfter: number };

/**
 * Lets so many sites drain their backlogs at once; the others are told when to come back, each at a time of its own. When a
 * thousand sites return together the hub goes on answering its operators, and small batches of live sites go before.
 */
export interface Slots {
  /** Asks to take a batch of so many bytes. `done` says that it is answered. */
  enter(site: string, bytes: number): Turn;
}

interface SlotsOptions {
  readonly count: number;
  readonly clock: Pick<Clock, "monotonic">;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export function createSlots({ count, clock, random = Math.random }: SlotsOptions): Slots {
  /** Who drains: how many of its batches are being taken, and when it was last heard. */
  const draining = new Map<string, { taking: number; heard: number }>();
  /** Who was sent away, and when. */
  const waiting = new Map<string, number>();

  function forget(now: number): void {
    for (const [site, { taking, heard }] of draining) {
      if (taking === 0 && now - heard >= IDLE_AFTER) draining.delete(site);
    }
    for (const [site, sent] of waiting) if (now - sent >= GONE_AFTER) waiting.delete(site);
  }

  function retryAfter(): number {
    const rounds = waiting.size / count;
    const longest = Math.min(SHORTEST_WAIT + rounds * DRAINS_FOR, LONGEST_WAIT);
    return Math.ceil(SHORTEST_WAIT + random() * longest);
  }

  return {
    enter(site, bytes) {
      const now = clock.monotonic();
      if (bytes <= SMALL_BATCH) {
        // What is left of its backlog is small: somebody else may begin.
        if (draining.get(site)?.taking === 0) draining.delete(site);
        return { taken: true, done: () => undefined };
      }
      forget(now);
      const slot = draining.get(site) ?? { taking: 0, heard: now };
      if (!draining.has(site) && draining.size >= count) {
        waiting.set(site, now);
        return { taken: false, retryAfter: retryAfter() };
      }
      waiting.delete(site);
      draining.set(site, slot);
      slot.taking += 1;
      return {
        taken: true,
        done() {
          slot.taking -= 1;
          slot.heard = clock.monotonic();
        },
      };
    },
  };
}
