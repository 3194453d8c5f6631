import type { Authority, Transaction, View } from "@holdfast/inventory";
import type { Conflict, Conflicts } from "@holdfast/inventory/api/conflicts";
import type { Clock } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import { authorAt } from "../uplink/actor.ts";
import type { ConflictPort, RefusedIntent } from "../uplink/ports.ts";
import { addValue, conflictAbout, conflictById, dropValue, subjectOf, type Value, valuesOf } from "./book.ts";
import { opened, record, settleDown } from "./record.ts";
import { recordRecovered, recoverConflict } from "./recover.ts";
import { resolve, tellResolved } from "./resolve.ts";
import { bodyOf, close } from "./show.ts";
import type { OpenConflictRow } from "./tables.ts";

export interface ConflictParts {
  readonly authority: Pick<Authority, "store" | "settleIn" | "createIn" | "removeIn">;
  readonly clock: Pick<Clock, "now">;
}

/** Open conflicts at the hub: what sites bring joins them, operators end them. */
export interface HubConflicts extends Conflicts, ConflictPort {
  /** Shows those that an earlier version kept and no feed shows yet. Returns how many. */
  showAll(): Promise<number>;
}

export function createConflicts({ authority, clock }: ConflictParts): HubConflicts {
  const { store } = authority;
  return {
    record: (tx, refused) => {
      const { entry, kind, origin } = refused;
      const field = entry.type === "edit" ? entry.field : "";
      const about = { tenant: origin.tenant, kind, resourceId: entry.id, field };
      return record(tx, about, { value: wantedIn(refused), now: origin.now });
    },
    async resolved(tx, { entry, kind, origin }) {
      const { tenant, now } = origin;
      const row = entry.resolves && (await conflictById(tx, tenant, entry.resolves.conflict));
      const isAboutIt = row?.kind === kind.name && row.resource_id === entry.id && row.field === entry.field;
      if (!row || !isAboutIt) return undefined;
      const seen = new Set([...(entry.resolves?.saw ?? []), entry.intent]);
      const values = await valuesOf(tx, row);
      if (values.every(({ write }) => seen.has(write))) {
        await close(tx, row, now);
        const by = authorAt(origin.site, entry);
        await tellResolved(tx, row, values, { by, at: now, chosen: entry.intent });
        return undefined;
      }
      await addValue(tx, row, wantedIn({ entry, kind, origin, reason: undefined }));
      await settleDown(tx, row, now);
      return row.id;
    },
    async withdrawn(tx, { entry, kind, origin: { tenant, site, now } }) {
      const row = await conflictAbout(tx, { tenant, kind, resourceId: entry.id, field: "" });
      if (!row) return;
      for (const value of await valuesOf(tx, row)) if (value.by === site) await dropValue(tx, value);
      await settleDown(tx, row, now);
    },
    recoverConflict,
    recordRecovered,

    async list(view, { tenant, resourceId, limit, offset }) {
      const tables = view.tables<HubTables>();
      let found = tables.selectFrom("open_conflict").where("tenant", "=", tenant);
      if (resourceId !== undefined) found = found.where("resource_id", "=", resourceId);
      const page = found.selectAll().orderBy("opened_at", "desc").orderBy("id").limit(limit).offset(offset);
      const count = found.select((select) => select.fn.countAll<number>().as("count"));
      const conflicts: Conflict[] = [];
      for (const row of await page.execute()) conflicts.push(await shown(view, row));
      return { conflicts, total: Number((await count.executeTakeFirstOrThrow()).count) };
    },
    async get(view, tenant, id) {
      const row = await conflictById(view, tenant, id);
      return row && shown(view, row);
    },
    async resolve(resolution) {
      await store.write((tx) => resolve(tx, resolution, { authority, now: clock.now() }));
      resolution.durable?.({ held: "hub" });
    },

    showAll: () => store.write((tx) => showUnshown(tx, clock.now())),
  };
}

async function shown(view: View, row: OpenConflictRow): Promise<Conflict> {
  return { id: row.id, ...(await bodyOf(view, row)) };
}

type Wanted = Omit<RefusedIntent, "reason"> & { readonly reason: string | undefined };

function wantedIn({ entry, origin, reason }: Wanted): Value {
  const { intent: write, actor, at } = entry;
  const wanted = entry.type === "edit" ? entry.value : entry.type === "create" ? entry.fields : null;
  const value = JSON.stringify(wanted ?? null);
  const creation = entry.type === "create" ? entry.creation : null;
  return { write, value, by: origin.site, actor, at, reason: reason ?? null, creation };
}

async function showUnshown(tx: Transaction, now: number): Promise<number> {
  const tables = tx.tables<HubTables>();
  const rows = await tables.selectFrom("open_conflict").selectAll().where("scopes", "=", "[]").execute();
  for (const row of rows) await settleDown(tx, await opened(tx, subjectOf(row), { now }), now);
  return rows.length;
}
