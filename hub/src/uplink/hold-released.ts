import type { Transaction } from "@holdfast/inventory";
import type { HoldReleased } from "@holdfast/protocol";
import type { HubHolds } from "../holds/holds.ts";
import { unauthorised } from "../tokens/authorise.ts";
import { authorAt } from "./actor.ts";
import type { Applied, Origin } from "./origin.ts";

interface Parts {
  readonly holds: Pick<HubHolds, "releaseIn">;
}

/**
 * An operator at the site has let disruptive commands go on. One who may not, as far as the hub knows (rule 6), has not
 * done so for the hub: it shows the hold until somebody who may releases it.
 */
export async function applyHoldReleased(
  tx: Transaction,
  { holds }: Parts,
  { entry, origin }: { entry: HoldReleased; origin: Origin },
): Promise<Applied> {
  const { site, tenant } = origin;
  const { hold, token, at } = entry;
  const refused = await unauthorised(tx, { token, tenant, at });
  if (refused !== undefined) return { result: "applied", reason: refused };
  const released = await holds.releaseIn(tx, { site, hold, by: authorAt(site, entry) });
  return released ? { result: "applied" } : { result: "applied", reason: `${hold} does not stand any more` };
}
