import type { EntryOf, WrittenField } from "./ledger.ts";

/** What the hub shows in the end. */
export interface Shown {
  /** By the id that was acknowledged, which may have become another's alias; undefined when it is not found. */
  readonly hosts: ReadonlyMap<string, Readonly<Record<WrittenField, readonly string[]>> | undefined>;
  /** All values of all open conflicts. */
  readonly contested: ReadonlySet<string>;
}

export interface Wanted {
  readonly writes: readonly EntryOf<"write">[];
  readonly choices: readonly EntryOf<"choice">[];
  readonly registrations: readonly EntryOf<"registration">[];
  readonly deletions: readonly EntryOf<"deletion">[];
}

/**
 * What is wrong with what has become of all that was wanted. A write that was acknowledged must be there, or be a value of an
 * open conflict, or have been written over by somebody who was shown it, or who was shown what did; one that was refused must
 * not be there; what was deleted must be gone, with all that was wanted of it.
 */
export function judgeWrites({ writes, choices, registrations, deletions }: Wanted, shown: Shown): string[] {
  const deleted = new Set(deletions.filter(({ outcome }) => outcome === "acknowledged").map(({ host }) => host));
  const perhaps = goneWith(
    deletions.filter(({ outcome }) => outcome !== "refused"),
    registrations,
  );
  const isGone = (host: string) => perhaps.has(host) && shown.hosts.get(host) === undefined;
  const there = new Set(shown.contested);
  for (const host of shown.hosts.values())
    for (const values of Object.values(host ?? {})) for (const each of values) there.add(each);

  const kept = new Set(there);
  const steps = [...writes, ...choices].filter(({ outcome }) => outcome !== "refused");
  for (let before = -1; before !== kept.size; ) {
    before = kept.size;
    for (const { value, over } of steps) {
      if (value === undefined || kept.has(value)) for (const each of over) kept.add(each);
    }
  }

  const acknowledged = [
    ...writes.map(({ host, field, value, outcome, party }) => ({ host, what: field, value, outcome, party })),
    ...registrations.map(({ host, value, outcome, party }) => ({ host, what: "registration", value, outcome, party })),
  ];
  const complaints: string[] = [];
  for (const { host, what, value, outcome, party } of acknowledged) {
    const told = `${what} ${value} of ${host}, wanted at ${party}`;
    if (outcome === "acknowledged" && !kept.has(value) && !(host && isGone(host))) complaints.push(`${told}: lost`);
    if (outcome === "refused" && there.has(value)) complaints.push(`${told}: refused, and there all the same`);
  }
  for (const host of deleted) {
    if (shown.hosts.get(host) !== undefined) complaints.push(`${host} was deleted, and is there`);
  }
  return complaints;
}

/** Ids of hosts that were deleted, and those by which a machine that was registered twice was known until its deletion. */
function goneWith(deletions: Wanted["deletions"], registrations: Wanted["registrations"]): ReadonlySet<string> {
  const serials = new Set(deletions.map(({ serialNumber }) => serialNumber));
  const twins = registrations.filter(({ serialNumber }) => serials.has(serialNumber));
  return new Set([...deletions, ...twins].flatMap(({ host }) => host ?? []));
}
