import type { Transaction, View } from "@holdfast/inventory";
import type { Stream, UplinkReply } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import type { UplinkStreamRow } from "./tables.ts";

/** The stream that the hub follows of a site; undefined before its first batch. */
export function streamOf(view: Pick<View, "tables">, site: string): Promise<UplinkStreamRow | undefined> {
  return view.tables<HubTables>().selectFrom("uplink_stream").selectAll().where("site", "=", site).executeTakeFirst();
}

/** Remembers how far the hub has followed a site, and its last reply. */
export async function remember(
  tx: Transaction,
  { site, stream, reply, hash, now }: { site: string; stream: Stream; reply: UplinkReply; hash: string; now: number },
): Promise<void> {
  const row = { ...stream, cursor: reply.cursor, last_hash: hash, last_reply: JSON.stringify(reply), last_at: now };
  await tx
    .tables<HubTables>()
    .insertInto("uplink_stream")
    .values({ site, ...row })
    .onConflict((on) => on.column("site").doUpdateSet(row))
    .execute();
}
