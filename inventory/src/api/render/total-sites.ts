import { Region, Site } from "@holdfast/protocol";
import type { Condition } from "../../store/condition.ts";
import type { View } from "../../store/contract.ts";
import { fieldValue } from "./field-value.ts";

/** How deep the region tree is. */
const LEVELS = 5;

/** How many sites there are in each of some regions and below it. */
export async function countSites(
  view: View,
  tenant: string,
  regions: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const [only] = regions;
  if (regions.length !== 1 || only === undefined) return countInTree(view, tenant, regions);
  const { total } = await view.list(Site, { tenant, where: below(only), limit: 1 });
  return new Map([[only, total]]);
}

/** That a site is in a region, or in one of those below it. */
export function below(region: string): Condition {
  const paths = Array.from({ length: LEVELS }, (_, level) => ["region", ...Array<string>(level).fill("parentRegion")]);
  return {
    is: "or",
    of: paths.map((path) => ({ is: "compare", path: [...path, "resourceId"], operator: "equal", value: region })),
  };
}

async function countInTree(view: View, tenant: string, regions: readonly string[]): Promise<Map<string, number>> {
  const totals = new Map(regions.map((id) => [id, 0]));
  const tree = await view.list(Region, { tenant });
  const parents = new Map(tree.resources.map((region) => [region.resourceId, fieldValue(region, "parentId")]));
  const sites = await view.list(Site, { tenant, where: { is: "has", path: ["regionId"] } });
  for (const site of sites.resources) {
    let at = fieldValue(site, "regionId");
    for (let level = 0; level < LEVELS && typeof at === "string"; level++) {
      const total = totals.get(at);
      if (total !== undefined) totals.set(at, total + 1);
      at = parents.get(at);
    }
  }
  return totals;
}
