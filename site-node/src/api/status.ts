import type { DiskTrouble, Store, View } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import { LANES } from "@holdfast/protocol/uplink";
import type { Clock } from "@holdfast/runtime";
import type { Arrived } from "../arrivals/arrivals.ts";
import { counters } from "../database/counters.ts";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { type RefusedIntent, refusedIntents } from "../intents/outcomes.ts";
import { idsLeft } from "../outbox/id-pool.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { openConflicts } from "../replica/conflicts.ts";
import { holdOf } from "../replica/in-place.ts";
import { readPhase } from "../replica/phase.ts";
import { VERSION } from "../version.ts";

/** How many of what waits for somebody are listed one by one. */
const SHOWN = 20;

export interface StatusOptions {
  readonly site: string;
  readonly store: Store;
  readonly outbox: Outbox;
  readonly connected: () => readonly string[];
  /** Machines that are here and should be elsewhere. */
  readonly arrivals?: () => readonly Arrived[];
  readonly disk: () => DiskTrouble | undefined;
  /** Messages of hosts that were taken and not kept, by their sort, since the start. */
  readonly notKept: () => Readonly<Record<string, number>>;
  /** When the hub was last heard; undefined when it never was. */
  readonly hubHeardAt: () => number | undefined;
  readonly flooredNow: () => number;
  /** Set while a hub that has lost its disk waits for an operator to accept this site. */
  readonly claim?: () => { readonly fingerprint: string; readonly since: number } | undefined;
  /** What a person compares at site and hub to be sure that both mean the same token. */
  readonly fingerprint: string;
  readonly clock: Clock;
}

/** How far the site has got, and what would be lost if its disk died now. Times are milliseconds since the epoch. */
export async function siteStatus(options: StatusOptions) {
  const { site, store, outbox, disk, connected, arrivals, notKept, hubHeardAt, flooredNow, fingerprint, clock } =
    options;
  const claim = options.claim?.() ?? null;
  const now = clock.now();
  return store.read(async (view) => {
    const tenant = await readSetting(view, "tenant");
    const stream = await readSetting(view, "stream");
    const { entries, oldest } = await outbox.level(view);
    const hosts = tenant ? (await view.list(Host, { tenant: tenant.id, limit: 1 })).total : 0;
    return {
      site,
      version: VERSION,
      fingerprint,
      now,
      flooredNow: flooredNow(),
      tenant: tenant ?? null,
      stream: stream ? { epoch: stream.epoch, incarnation: stream.incarnation, next: stream.next } : null,
      phase: await readPhase(view),
      hub: { ...(await hubAsHeard(view, hubHeardAt(), flooredNow())), claim },
      unsent: {
        entries,
        oldestAgeMs: oldest === undefined ? 0 : Math.max(0, now - oldest),
        lanes: await lanes(view, now),
      },
      replica: await positions(view, now),
      parked: await parked(view, now),
      intents: await openIntents(view),
      refusedState: await refusedState(view, now),
      conflicts: await conflicts(view),
      hold: (await holdOf(view, site)) ?? null,
      hosts: { held: hosts, connected: connected().length, documents: await documents(view) },
      arrivals: arrivals?.() ?? [],
      notKept: notKept(),
      disk: disk() ?? null,
      idsLeft: await idsLeft(view),
      counters: await counters(view),
    };
  });
}

/** Since when the hub has not been heard, and why it does not let this site in, where it said so. */
async function hubAsHeard(view: View, heardAt: number | undefined, now: number) {
  return {
    heardAt: heardAt ?? null,
    heardAgeMs: heardAt === undefined ? null : Math.max(0, now - heardAt),
    refusal: (await readSetting(view, "hubRefusal")) ?? null,
    behind: (await readSetting(view, "behind")) ?? null,
  };
}

/** What waits in each lane, and how old the oldest of it is: what only this disk has. */
async function lanes(view: View, now: number) {
  const rows = await siteTables(view)
    .selectFrom("outbox")
    .select(({ fn }) => ["lane", fn.countAll<number>().as("entries"), fn.min("added_at").as("oldest")])
    .groupBy("lane")
    .execute();
  const names = new Map(Object.entries(LANES).map(([name, lane]) => [lane as number, name]));
  const levels = rows.map(({ lane, entries, oldest }) => {
    return [names.get(lane) ?? String(lane), { entries, oldestAgeMs: Math.max(0, now - oldest) }] as const;
  });
  return Object.fromEntries(levels);
}

/** Observations that the hub could not take, newest first; it is asked again from time to time. */
async function refusedState(view: View, now: number) {
  const rows = siteTables(view).selectFrom("refused_state");
  const { count } = await rows.select(({ fn }) => fn.countAll<number>().as("count")).executeTakeFirstOrThrow();
  const first = await rows.selectAll().orderBy("since", "desc").orderBy("id").limit(SHOWN).execute();
  const shown = first.map(({ kind, id, reason, since }) => ({ kind, id, reason, ageMs: Math.max(0, now - since) }));
  return { rows: count, first: shown };
}

async function conflicts(view: View) {
  const open = await openConflicts(view);
  const first = open.slice(0, SHOWN).map(({ id, body: { resourceId, field } }) => ({ id, resourceId, field }));
  return { open: open.length, first };
}

async function positions(view: View, now: number) {
  const rows = await siteTables(view).selectFrom("replica_position").selectAll().orderBy("scope").execute();
  return rows.map(({ scope, position, at }) => ({ scope, position, ageMs: Math.max(0, now - at) }));
}

/** How many machines are told what they should be, and how many have said that they are, or cannot be. */
async function documents(view: View) {
  const rows = await siteTables(view).selectFrom("desired_document").select("reached").execute();
  const failed = rows.filter(({ reached }) => reached !== null && reached !== "").length;
  return { told: rows.length, reached: rows.filter(({ reached }) => reached === "").length, failed };
}

async function parked(view: View, now: number) {
  const rows = await siteTables(view)
    .selectFrom("replica_row")
    .select(["kind", "id", "parked", "parked_at"])
    .where("parked", "is not", null)
    .orderBy("parked_at")
    .execute();
  const first = rows.slice(0, SHOWN);
  return {
    rows: rows.length,
    first: first.map(({ kind, id, parked: reason, parked_at: since }) => ({
      kind,
      id,
      reason,
      ageMs: since === null ? null : Math.max(0, now - since),
    })),
  };
}

/** Intents that the replica does not show yet, and those that the hub turned down, newest first. */
async function openIntents(view: View) {
  const { waiting } = await siteTables(view)
    .selectFrom("local_intent")
    .select(({ fn }) => fn.countAll<number>().as("waiting"))
    .where((row) =>
      row.or([
        row("outcome", "is", null),
        row("outcome", "=", "applied"),
        row.and([row("outcome", "=", "conflict"), row("field", "is not", null)]),
      ]),
    )
    .executeTakeFirstOrThrow();
  const refused = await unsettled(view);
  return {
    waiting,
    refused: refused.length,
    first: refused.slice(0, SHOWN).map(({ resource, field, result: outcome, reason, conflict, actor, at }) => {
      return { resource, field, outcome, reason, conflict, actor, at };
    }),
  };
}

/** What the hub turned down, but for what became a conflict that has been resolved since. */
async function unsettled(view: View): Promise<readonly RefusedIntent[]> {
  const open = new Set((await openConflicts(view)).map(({ id }) => id));
  const refused = await refusedIntents(view);
  return refused.filter(({ conflict }) => conflict === null || open.has(conflict));
}
