import type { Transaction, View } from "@holdfast/inventory";
import type { HubTables } from "../tables.ts";

/** What is kept of hearing a site. Times are milliseconds since the epoch. */
export interface Note {
  readonly heardAt: number | undefined;
  readonly protocol: number | undefined;
  readonly refusal: { readonly reason: string; readonly at: number } | undefined;
}

/** What was noted of each site; where that is older than its last batch, when that came. */
export async function loadNotes(view: View): Promise<ReadonlyMap<string, Note>> {
  const tables = view.tables<HubTables>();
  const notes = new Map<string, Note>();
  const streams = tables.selectFrom("uplink_stream").select(["site", "last_at"]);
  for (const { site, last_at } of await streams.execute()) {
    notes.set(site, { heardAt: Number(last_at), protocol: undefined, refusal: undefined });
  }
  for (const row of await tables.selectFrom("site_contact").selectAll().execute()) {
    const lastBatch = notes.get(row.site)?.heardAt;
    const heard = [row.heard_at, lastBatch].filter((at) => at !== null && at !== undefined).map(Number);
    notes.set(row.site, {
      heardAt: heard.length > 0 ? Math.max(...heard) : undefined,
      protocol: row.protocol === null ? undefined : Number(row.protocol),
      refusal: row.refused === null ? undefined : { reason: row.refused, at: Number(row.refused_at) },
    });
  }
  return notes;
}

export async function saveNotes(tx: Transaction, notes: ReadonlyMap<string, Note>): Promise<void> {
  for (const [site, { heardAt, protocol, refusal }] of notes) {
    const row = {
      heard_at: heardAt ?? null,
      protocol: protocol ?? null,
      refused: refusal?.reason ?? null,
      refused_at: refusal?.at ?? null,
    };
    await tx
      .tables<HubTables>()
      .insertInto("site_contact")
      .values({ site, ...row })
      .onConflict((on) => on.column("site").doUpdateSet(row))
      .execute();
  }
}
