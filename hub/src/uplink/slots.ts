import { type Clock, minutes, seconds } from "@holdfast/runtime";

/** A batch of so many bytes at most is none of a backlog: it is always taken. */
export const SMALL_BATCH = 64 * 1024;

/** A site that has sent nothing for so long is not draining any more, or has been cut off. */
const IDLE_AFTER = seconds(10);
/** Whoever was sent away and has not come back for so long is not counted among those who wait. */
const GONE_AFTER = minutes(5);
/**
 * After so many batches a site makes room if others wait, and comes back after all of them: the longest backlog does not keep
 * the shortest waiting.
 */
export const BATCHES_A_TURN = 8;
const SHORTEST_WAIT = 2;
const LONGEST_WAIT = 120;
/** How long a site is thought to hold its slot, in seconds, before any has let go of one. */
const HELD_FOR = 10;
/** Of what was thought so far, how much stays when a slot is let go. */
const INERTIA = 0.9;

/** What a site that drains is likely to have behind a batch. */
export type FollowedBy = "more" | "nothing";

export type Turn =
  | {
      readonly taken: true;
      /** The batch is answered. */
      readonly done: (followedBy: FollowedBy) => void;
      readonly retryAfter?: undefined;
    }
  /** Seconds. */
  | { readonly taken: false; readonly retryAfter: number };

/**
 * Lets so many sites drain their backlogs at once; the others are told when to come back, each at a time of its own. When a
 * thousand sites return together the hub goes on answering its operators, and small batches of live sites go before.
 */
export interface Slots {
  /** Asks to take a batch of so many bytes. */
  enter(site: string, bytes: number): Turn;
}

interface SlotsOptions {
  readonly count: number;
  readonly clock: Pick<Clock, "monotonic">;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

interface Slot {
  readonly since: number;
  /** How many of its batches are being taken, how many were in this turn, and when it was last heard. */
  taking: number;
  batches: number;
  heard: number;
}

export function createSlots({ count, clock, random = Math.random }: SlotsOptions): Slots {
  /** Who drains. */
  const draining = new Map<string, Slot>();
  /** Who was sent away, and when it was told to come back; milliseconds of the clock. */
  const waiting = new Map<string, { readonly sent: number; readonly back: number }>();
  let heldFor = HELD_FOR;

  function letGo(site: string, { since, heard }: Slot): void {
    draining.delete(site);
    heldFor = INERTIA * heldFor + (1 - INERTIA) * ((heard - since) / seconds(1));
  }

  function forget(now: number): void {
    for (const [site, slot] of draining) if (slot.taking === 0 && now - slot.heard >= IDLE_AFTER) letGo(site, slot);
    for (const [site, { sent }] of waiting) if (now - sent >= GONE_AFTER) waiting.delete(site);
  }

  function sendAway(site: string, now: number, notBefore = now): Turn {
    waiting.delete(site);
    const rounds = (waiting.size + 1) / count;
    const longest = Math.min(SHORTEST_WAIT + rounds * heldFor, LONGEST_WAIT);
    const wait = SHORTEST_WAIT + random() * longest;
    const retryAfter = Math.ceil(Math.max(wait, (notBefore - now) / seconds(1)));
    waiting.set(site, { sent: now, back: now + seconds(retryAfter) });
    return { taken: false, retryAfter };
  }

  /** Makes room, and says when the last of those who wait now will have been here. */
  function makeRoom(site: string, slot: Slot): number {
    letGo(site, slot);
    return Math.max(...[...waiting.values()].map(({ back }) => back)) + seconds(SHORTEST_WAIT);
  }

  function take(site: string, slot: Slot): Turn {
    waiting.delete(site);
    draining.set(site, slot);
    slot.taking += 1;
    slot.batches += 1;
    return {
      taken: true,
      done(followedBy) {
        slot.taking -= 1;
        slot.heard = clock.monotonic();
        if (followedBy === "nothing" && slot.taking === 0 && draining.get(site) === slot) letGo(site, slot);
      },
    };
  }

  return {
    enter(site, bytes) {
      const now = clock.monotonic();
      if (bytes <= SMALL_BATCH) {
        // What is left of its backlog is small: somebody else may begin.
        const held = draining.get(site);
        if (held?.taking === 0) letGo(site, held);
        return { taken: true, done: () => undefined };
      }
      forget(now);
      const slot = draining.get(site);
      if (slot && slot.taking === 0 && slot.batches >= BATCHES_A_TURN && waiting.size > 0) {
        return sendAway(site, now, makeRoom(site, slot));
      }
      if (!slot && draining.size >= count) return sendAway(site, now);
      return take(site, slot ?? { since: now, taking: 0, batches: 0, heard: now });
    },
  };
}
