import type { Transaction } from "@holdfast/inventory";
import type { HubTables } from "../tables.ts";
import type { Applied } from "./origin.ts";

/** How many outcomes of a site's intents are kept, the newest. */
export const OUTCOMES_KEPT = 10_000;

/**
 * Carries out an intent unless it was before: a site that starts a new stream sends again whatever was not acknowledged
 * in the old one, and what came of it then still holds (rule 7).
 */
export async function onceForIntent(
  transaction: Transaction,
  { site, intent, kept = OUTCOMES_KEPT }: { site: string; intent: string; kept?: number },
  work: () => Promise<Applied>,
): Promise<Applied> {
  const tables = transaction.tables<HubTables>();
  const known = await tables
    .selectFrom("intent_outcome")
    .select("outcome")
    .where("site", "=", site)
    .where("intent", "=", intent)
    .executeTakeFirst();
  if (known) return JSON.parse(known.outcome) as Applied;
  const applied = await work();
  const number = await transaction.nextNumber(`intent:${site}`);
  const outcome = JSON.stringify(applied);
  await tables.insertInto("intent_outcome").values({ site, intent, number, outcome }).execute();
  await tables
    .deleteFrom("intent_outcome")
    .where("site", "=", site)
    .where("number", "<=", number - kept)
    .execute();
  return applied;
}
