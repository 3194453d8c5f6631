import type { View } from "@holdfast/inventory";
import type { HubTables } from "../tables.ts";

/**
 * Whether this life of the hub, the last of `lives`, still wants to hear what a site holds (rule 20). A first life has lost
 * nothing, and what a site has told once it need not tell again.
 */
export async function isToBeHeard(view: View, site: string, lives: readonly string[]): Promise<boolean> {
  if (lives.length < 2) return false;
  const told = await view
    .tables<HubTables>()
    .selectFrom("site_recovery")
    .select("epoch")
    .where("site", "=", site)
    .executeTakeFirst();
  return told?.epoch !== lives.at(-1);
}
