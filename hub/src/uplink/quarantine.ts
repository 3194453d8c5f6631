import type { Transaction, View } from "@holdfast/inventory";
import type { Stream } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import type { QuarantineRow } from "./tables.ts";

/** How many refused entries of a site are kept, the newest, and how much of each. */
export const QUARANTINE_KEPT = 1_000;
const ENTRY_KEPT = 16 * 1024;

export interface Refused {
  readonly site: string;
  readonly stream: Stream;
  readonly seq: number;
  readonly at: number;
  readonly reason: string;
  readonly entry: unknown;
}

/** Keeps an entry that could not be applied, for a person to look at. */
export async function quarantine(transaction: Transaction, refused: Refused): Promise<void> {
  const { site, stream, seq, at, reason, entry } = refused;
  const number = await transaction.nextNumber(`quarantine:${site}`);
  const tables = transaction.tables<HubTables>();
  await tables
    .insertInto("quarantine")
    .values({ site, number, ...stream, seq, at, reason, entry: JSON.stringify(entry).slice(0, ENTRY_KEPT) })
    .execute();
  await tables
    .deleteFrom("quarantine")
    .where("site", "=", site)
    .where("number", "<=", number - QUARANTINE_KEPT)
    .execute();
}

/** A site's refused entries, newest first. */
export function quarantined(view: View, site: string, limit: number): Promise<QuarantineRow[]> {
  return view
    .tables<HubTables>()
    .selectFrom("quarantine")
    .selectAll()
    .where("site", "=", site)
    .orderBy("number", "desc")
    .limit(limit)
    .execute();
}

/** How many of a site's refused entries are kept. */
export async function countQuarantined(view: View, site: string): Promise<number> {
  const { count } = await view
    .tables<HubTables>()
    .selectFrom("quarantine")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("site", "=", site)
    .executeTakeFirstOrThrow();
  return Number(count);
}
