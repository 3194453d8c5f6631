import type { Store, View } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Clock } from "@holdfast/runtime";
import { counters } from "../database/counters.ts";
import type { DiskTrouble } from "../database/disk.ts";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { idsLeft } from "../outbox/id-pool.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { VERSION } from "../version.ts";

/** How many parked rows are listed one by one. */
const SHOWN = 20;

export interface StatusOptions {
  readonly site: string;
  readonly store: Store;
  readonly outbox: Outbox;
  readonly connected: () => readonly string[];
  readonly disk: () => DiskTrouble | undefined;
  /** Messages of hosts that were taken and not kept, by their sort, since the start. */
  readonly notKept: () => Readonly<Record<string, number>>;
  readonly clock: Clock;
}

/** How far the site has got, and what would be lost if its disk died now. Times are milliseconds since the epoch. */
export async function siteStatus({ site, store, outbox, disk, connected, notKept, clock }: StatusOptions) {
  const now = clock.now();
  return store.read(async (view) => {
    const tenant = await readSetting(view, "tenant");
    const stream = await readSetting(view, "stream");
    const { entries, oldest } = await outbox.level(view);
    const hosts = tenant ? (await view.list(Host, { tenant: tenant.id, limit: 1 })).total : 0;
    return {
      site,
      version: VERSION,
      now,
      tenant: tenant ?? null,
      stream: stream ? { epoch: stream.epoch, incarnation: stream.incarnation, next: stream.next } : null,
      unsent: { entries, oldestAgeMs: oldest === undefined ? 0 : Math.max(0, now - oldest) },
      replica: await positions(view, now),
      parked: await parked(view, now),
      intents: await openIntents(view),
      hosts: { held: hosts, connected: connected().length, documents: await documents(view) },
      notKept: notKept(),
      disk: disk() ?? null,
      idsLeft: await idsLeft(view),
      counters: await counters(view),
    };
  });
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

/** Intents on their way, and those that the hub turned down, which stay here for people to see. */
async function openIntents(view: View) {
  const rows = await siteTables(view)
    .selectFrom("local_intent")
    .select(["kind", "resource", "field", "outcome", "reason"])
    .orderBy("number")
    .execute();
  const refused = rows.filter(({ outcome }) => outcome === "quarantined" || outcome === "conflict");
  return {
    waiting: rows.length - refused.length,
    refused: refused.length,
    first: refused
      .slice(0, SHOWN)
      .map(({ resource, field, outcome, reason }) => ({ resource, field, outcome, reason })),
  };
}
