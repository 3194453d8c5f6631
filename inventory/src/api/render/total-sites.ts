import type { View } from "../../store/contract.ts";

/** How deep the region tree is. */
const LEVELS = 5;

const PARENTS = "select resource_id, parent_id from region where tenant_id = ?";

const SITES = `select region_id, count(*) as sites from site
  where tenant_id = ? and region_id is not null group by region_id`;

/** How many sites there are in each of some regions and below it. */
export async function countSites(
  view: View,
  tenant: string,
  regions: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const totals = new Map(regions.map((id) => [id, 0]));
  const tree = await view.rows<{ resource_id: string; parent_id: string | null }>(PARENTS, [tenant]);
  const parents = new Map(tree.map((region) => [region.resource_id, region.parent_id]));
  for (const { region_id: region, sites } of await view.rows<{ region_id: string; sites: unknown }>(SITES, [tenant])) {
    let at: string | null | undefined = region;
    for (let level = 0; level < LEVELS && at; level++) {
      const total = totals.get(at);
      if (total !== undefined) totals.set(at, total + Number(sites));
      at = parents.get(at);
    }
  }
  return totals;
}
