import { frozenTenant, type View } from "@holdfast/inventory";
import { type Action, mayAnywhere } from "@holdfast/inventory/api/roles";
import type { HubTables } from "../tables.ts";
import { givenBack, opens } from "./given-back.ts";
import { grantsOfToken } from "./token-grants.ts";

/** Something that an operator wanted at a site: by which token they were let in there, of which project, and when. */
export interface WantedAtSite {
  readonly token: string | undefined;
  readonly tenant: string;
  /** Milliseconds since the epoch, by the site's clock. */
  readonly at: number;
  /** What they must be allowed; to write when not said. */
  readonly needs?: Action;
}

/**
 * Why an operator who was let in at a site may not have what they wanted there, as far as the hub knows when it merges
 * (rule 6). Undefined when they may, and when no token was used: sites and machines want things by themselves.
 */
export async function unauthorised(
  view: View,
  { token, tenant, at, needs = "write" }: Readonly<WantedAtSite>,
): Promise<string | undefined> {
  const project = await view.tenant(tenant);
  if (project?.frozen !== undefined) return frozenTenant(project).message;
  if (token === undefined) return undefined;
  const row = await view.tables<HubTables>().selectFrom("token").selectAll().where("id", "=", token).executeTakeFirst();
  if (!row || row.role === "site" || row.role === "manager") return "the operator's token is not known at the hub";
  if (row.revoked_at !== null) return "the operator's token is revoked";
  if (row.not_after !== null && at >= row.not_after) return "the operator's token had expired by then";
  if (!mayAnywhere({ grants: grantsOfToken(row, "all") }, needs)) return "the operator's token may read, not write";
  // What the site that gave it back let its holder do there was theirs to do, before somebody has confirmed it too.
  const isOpen = opens(row, tenant) || (await givenBack(view, token)).some((said) => said.tenant === tenant);
  return isOpen ? undefined : "the operator's token does not open this project";
}
