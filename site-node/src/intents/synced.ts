import type { View } from "@holdfast/inventory";
import { siteScope, tenantScope } from "@holdfast/protocol/feed";
import { siteTables } from "../database/tables.ts";
import type { ReplicaOf } from "../replica/materialise.ts";

/**
 * Whether the site has had all that the hub knew of its tenant and of itself at least once. With only one of the two here
 * what is registered in the other would be made a second time.
 */
export async function holdsBothScopes(view: View, { tenant, site }: ReplicaOf): Promise<boolean> {
  const scopes = [tenantScope(tenant), siteScope(site)];
  const reached = await siteTables(view)
    .selectFrom("replica_position")
    .select("scope")
    .where("scope", "in", scopes)
    .execute();
  return reached.length === scopes.length;
}
