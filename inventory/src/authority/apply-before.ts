import { Host, type Kind, type Resource } from "@holdfast/protocol";
import { hours } from "@holdfast/runtime";
import { changedFields, type Fields } from "./intent-rules.ts";
import type { Write } from "./write.ts";

/**
 * How long a power state that was wanted of a machine of a silent site may wait for that site. A night's outage changes
 * nothing of what its operator meant; after a day nobody counts on it any more, and somebody may be working at the machine.
 */
export const APPLIES_WITHIN = hours(24);

const STATES: readonly unknown[] = ["POWER_STATE_ON", "POWER_STATE_OFF"];

/**
 * Until when a value must have been begun with at the site that carries it out (rule 17); undefined when it is good whenever
 * the site hears of it.
 */
export function applyBeforeOf(
  kind: Kind,
  { field, value, owner, write }: { field: string; value: unknown; owner: string | undefined; write: Write },
): number | undefined {
  if (kind.name !== Host.name || field !== "desiredPowerState" || !STATES.includes(value)) return undefined;
  // What was wanted at the site is known there.
  if (owner === undefined || write.site !== undefined || !write.isSilent(owner)) return undefined;
  return write.at + APPLIES_WITHIN;
}

/**
 * What an update writes: the values that become others. One that changes nothing says again what it names of that which may
 * have come too late. Beside other changes that is no wish of its own, for whoever renames a machine may send the rest of it
 * as it was.
 */
export function toWrite({ fields, stamps }: Pick<Resource, "fields" | "stamps">, wanted: Fields): Fields {
  const changed = changedFields(fields, wanted);
  if (Object.keys(changed).length > 0) return changed;
  return Object.fromEntries(Object.entries(wanted).filter(([field]) => stamps[field]?.applyBefore !== undefined));
}
