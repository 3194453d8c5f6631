import type { AuthorityListener } from "@holdfast/inventory";
import { Site } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";

/** What is kept of the link to a site, by the site. The ids that it was lent stay its own for ever (rule 16). */
const OF_LINK = [
  "uplink_stream",
  "intent_outcome",
  "quarantine",
  "enrolment",
  "site_contact",
  "site_recovery",
  "recovery_waiting",
] as const satisfies readonly (keyof HubTables)[];

/** With a site goes what the hub kept of its link to it. Conflicts, events and history stay. */
export const forgetSite: AuthorityListener = {
  async gone(tx, { kind, resource }) {
    if (kind.name !== Site.name) return;
    const tables = tx.tables<HubTables>();
    for (const table of OF_LINK) await tables.deleteFrom(table).where("site", "=", resource.resourceId).execute();
  },
};
