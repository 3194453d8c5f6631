import type { Kind } from "@holdfast/protocol";

/** Statuses that say how a machine is right now; the others say what has become of it. */
const OF_NOW = new Set(["hostStatus", "instanceStatus", "powerStatus"]);

const FILLED = new Map<Kind, ReadonlyMap<string, string | typeof SINCE>>();

/** Stands for the text that says since when nothing is known. */
export const SINCE: unique symbol = Symbol("since");

/**
 * What a machine of a silent site shows in the place of what was last seen of it, by field (rule 13): nobody takes the green
 * of an hour ago for that of now. Fields that are not named keep their last value, whose age the API shows.
 */
export function unseenFields(kind: Kind): ReadonlyMap<string, string | typeof SINCE> {
  let filled = FILLED.get(kind);
  if (!filled) {
    filled = kind.feed === "machine" ? fill(kind) : new Map();
    FILLED.set(kind, filled);
  }
  return filled;
}

function fill(kind: Kind): ReadonlyMap<string, string | typeof SINCE> {
  const filled = new Map<string, string | typeof SINCE>();
  for (const [name, { owner, initial }] of Object.entries(kind.fields)) {
    if (owner !== "site") continue;
    if (OF_NOW.has(name)) filled.set(name, SINCE);
    if (name.endsWith("Indicator") || name === "currentPowerState") filled.set(name, String(initial));
  }
  return filled;
}

/** The same fields as they are before anybody has looked: of a machine that nobody manages, nothing is known to hold. */
export function outOfSight(kind: Kind): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...unseenFields(kind).keys()].map((name) => [name, kind.fields[name]?.initial]));
}

/** The status of a machine whose site has been silent since a time, milliseconds since the epoch. */
export function unknownSince(since: number): string {
  return `Unknown since ${new Date(since).toISOString().slice(0, 19)}Z (its site is silent)`;
}
