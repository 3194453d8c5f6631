import type { Transaction } from "@holdfast/inventory";
import type { EventEntry } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";

/** How many events of a site are kept, the newest. */
export const EVENTS_KEPT = 10_000;

/** Keeps what happened, in the order of its arrival. The site's own time is kept as reported. */
export async function keepEvent(
  transaction: Transaction,
  { site, entry, now, kept = EVENTS_KEPT }: { site: string; entry: EventEntry; now: number; kept?: number },
): Promise<void> {
  const { id, kind, subject, event, at, detail } = entry;
  const number = await transaction.nextNumber(`event:${site}`);
  const tables = transaction.tables<HubTables>();
  await tables
    .insertInto("event")
    .values({
      site,
      number,
      id,
      kind,
      subject,
      event,
      reported_at: at,
      received_at: now,
      detail: detail === undefined ? null : JSON.stringify(detail),
    })
    .execute();
  await tables
    .deleteFrom("event")
    .where("site", "=", site)
    .where("number", "<=", number - kept)
    .execute();
}
