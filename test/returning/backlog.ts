import type { EditIntent, EventEntry, StateEntry } from "@holdfast/protocol";

/** A host as its site holds it: its id, and the stamp of its name. */
export interface HeldHost {
  readonly id: string;
  readonly stamp: string;
}

/** What a site gathers while it is away. */
export interface Absence {
  readonly site: string;
  /** Which of a site's absences it is, from 1: what is said in each differs. */
  readonly number: number;
  readonly hosts: readonly HeldHost[];
  /** Hosts that were renamed at the site, the first ones. */
  readonly renamed: number;
  readonly events: number;
  /** Characters that each event tells beside the rest. */
  readonly detail: number;
  /** Entries among the others that no hub can apply. */
  readonly poison: number;
  readonly observed: (host: number) => Record<string, unknown>;
}

/** What a site sends after an absence, lanes in order, and what the hub must have of it in the end. */
export interface Backlog {
  readonly entries: readonly unknown[];
  readonly told: Told;
}

export interface Told {
  readonly entries: number;
  /** Ids of intents, all of which must be applied. */
  readonly intents: readonly string[];
  /** Ids of events, in order. */
  readonly events: readonly string[];
  /** How many entries must be set aside. */
  readonly poison: number;
}

/** The moment of the first absence; each further one is a day later. */
const FIRST = 1_790_000_000_000;
const DAY = 86_400_000;

export function observedAtOf({ number }: Pick<Absence, "number">): number {
  return FIRST + number * DAY;
}

/** What an outage of a month leaves: of each host its state as it is now, and every intent and event as it was. */
export function backlogOf(absence: Absence): Backlog {
  const { site, number, hosts, renamed, events, detail, poison, observed } = absence;
  const at = observedAtOf(absence);
  const edits = hosts.slice(0, renamed).map(
    ({ id, stamp }, host): EditIntent => ({
      ...{ type: "edit", intent: `${site}-${number}-edit-${host}`, kind: "host", id, field: "name", base: stamp },
      ...{ value: renamedTo(number, host), actor: "operator:at-the-site", at },
    }),
  );
  const happened = Array.from(
    { length: events },
    (_, event): EventEntry => ({
      ...{ type: "event", id: `${site}-${number}-event-${event}`, kind: "site", subject: site, event: "agent-refused" },
      ...{ at, detail: { reason: "x".repeat(detail) } },
    }),
  );
  const states = hosts.map(
    ({ id }, host): StateEntry => ({
      ...{ type: "state", kind: "host", id, observedAt: at, observedGeneration: 1, fields: observed(host) },
    }),
  );
  const entries = withPoison([...edits, ...states, ...happened], poison);
  const [intents, ids] = [edits.map(({ intent }) => intent), happened.map(({ id }) => id)];
  return { entries, told: { entries: entries.length, intents, events: ids, poison } };
}

/** The name that a host got during an absence. */
export function renamedTo(number: number, host: number): string {
  return `host ${host} of absence ${number}`;
}

/** Entries of each sort that a hub sets aside: unknown, malformed, of what does not exist, forbidden. */
const POISON: readonly unknown[] = [
  { type: "from-a-later-version", id: "x" },
  { type: "event", kind: "site" },
  {
    ...{ type: "state", kind: "host", id: "host-ffffffff", observedAt: FIRST, observedGeneration: 1 },
    fields: { hostname: "nobody" },
  },
  { type: "edit", intent: "poison", kind: "host", id: "host-ffffffff", field: "name", base: "", value: "\u0000" },
  null,
];

/** Evenly among the others, so that it stands between what must be applied. */
function withPoison(entries: readonly unknown[], count: number): unknown[] {
  const mixed = [...entries];
  for (let each = 0; each < count; each += 1) {
    const at = Math.floor(((each + 0.5) * mixed.length) / count);
    mixed.splice(at, 0, POISON[each % POISON.length]);
  }
  return mixed;
}
