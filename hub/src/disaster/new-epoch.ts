import { createAuthority, openSqliteStore } from "@holdfast/inventory";
import type { Clock } from "@holdfast/runtime";
import { holdHome } from "@holdfast/runtime/home";
import { createHolds } from "../holds/holds.ts";
import { requireDatabase } from "../home.ts";
import { localOperator } from "../local-operator.ts";
import { HUB_MIGRATIONS } from "../tables.ts";
import { reachedIn, readHighWater, writeHighWater } from "./high-water.ts";
import { finishSwap } from "./swap.ts";

/**
 * Begins another life of a hub that does not run, for an operator who believes that it has lost history and cannot prove it.
 * Returns the new epoch. Throws FailedPrecondition when a hub holds the home, or there is no database.
 */
export async function beginNewEpoch({ home, clock }: { home: string; clock: Clock }): Promise<string> {
  const held = holdHome(home, "hub");
  try {
    finishSwap(home);
    const path = requireDatabase(home);
    const store = await openSqliteStore({ path, migrations: HUB_MIGRATIONS, clock });
    try {
      const authority = await createAuthority({ store, clock });
      const holds = createHolds({ store, clock });
      const noted = readHighWater(home);
      const epoch = await authority.beginEpoch({
        beyond: noted?.seq ?? 0,
        told: { by: localOperator(), reason: "new-epoch", lost: noted?.audit },
        also: (tx) => holds.holdAll(tx, "hub-rolled-back"),
      });
      writeHighWater(home, { ...(await store.read(reachedIn)), at: clock.now() });
      return epoch;
    } finally {
      await store.close();
    }
  } finally {
    await held.close();
  }
}
