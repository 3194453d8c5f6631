import { Region } from "@holdfast/protocol";
import type { View } from "../store/contract.ts";
import { FieldFault } from "../store/faults.ts";
import type { Rule } from "./kind-rules.ts";

export const MAX_REGION_DEPTH = 5;

/** Regions are a tree, and not a deep one. */
export const regionTree: Rule = async (view, { after, changes }) => {
  if (typeof changes.parentId !== "string") return;
  await checkRegionParent(view, after.tenant, after.resourceId, changes.parentId);
};

/** Throws InvalidArgument when a region below this parent would close a circle or make the tree too deep. */
export async function checkRegionParent(view: View, tenant: string, id: string, parentId: string): Promise<void> {
  const above = await ancestors(view, tenant, id, parentId);
  const below = await height(view, tenant, [id]);
  if (above + below <= MAX_REGION_DEPTH) return;
  throw new FieldFault("InvalidArgument", ["parentId"], `parentId: regions go at most ${MAX_REGION_DEPTH} levels deep`);
}

/** How many regions stand above, the parent included. */
async function ancestors(view: View, tenant: string, id: string, parentId: string): Promise<number> {
  let count = 0;
  for (let at: string | undefined = parentId; at !== undefined; count += 1) {
    if (at === id) throw new FieldFault("InvalidArgument", ["parentId"], "parentId: a region cannot be below itself");
    // Only a circle that was there before can be this long: never walk it for ever.
    if (count > MAX_REGION_DEPTH) return count;
    at = (await view.get(Region, tenant, at))?.fields.parentId as string | undefined;
  }
  return count;
}

/** How many levels these regions and all below them make. */
async function height(view: View, tenant: string, level: readonly string[]): Promise<number> {
  let levels = 0;
  for (let ids = level; ids.length > 0 && levels <= MAX_REGION_DEPTH; levels += 1) {
    const children = await Promise.all(ids.map((id) => view.find(Region, { parentId: id }, tenant)));
    ids = children.flat().map((region) => region.resourceId);
  }
  return levels;
}
