import { createAuthority, openSqliteStore } from "@holdfast/inventory";
import type { Clock } from "@holdfast/runtime";
import { holdHome } from "@holdfast/runtime/home";
import { feedPosition } from "../feeds/feed-position.ts";
import { createHolds } from "../holds/holds.ts";
import { requireDatabase } from "../home.ts";
import { HUB_MIGRATIONS } from "../tables.ts";
import { readHighWater, writeHighWater } from "./high-water.ts";
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
      const epoch = await authority.beginEpoch({
        beyond: readHighWater(home)?.seq ?? 0,
        also: (tx) => holds.holdAll(tx, "hub-rolled-back"),
      });
      writeHighWater(home, { epoch, seq: await store.read(feedPosition), at: clock.now() });
      return epoch;
    } finally {
      await store.close();
    }
  } finally {
    await held.close();
  }
}
