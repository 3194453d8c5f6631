import { existsSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, openSqliteStore } from "@holdfast/inventory";
import { type Clock, Fault } from "@holdfast/runtime";
import { makeDurable } from "@holdfast/runtime/durable-file";
import { holdHome, writePrivate } from "@holdfast/runtime/home";
import { databaseOf } from "../home.ts";
import { localOperator } from "../local-operator.ts";
import { HUB_MIGRATIONS } from "../tables.ts";
import { createTokens } from "../tokens/tokens.ts";
import { setRecovering } from "./claims.ts";
import { removeDatabase } from "./files.ts";
import { type HighWater, reachedIn, readHighWater } from "./high-water.ts";
import { finishSwap, type OnStep, preparedIn, swapIn } from "./swap.ts";

export interface RecoverRequest {
  readonly home: string;
  readonly clock: Clock;
  readonly onStep?: OnStep;
}

/**
 * Begins a database, in a home that has none, for a hub that will learn from its sites what it was. Makes an operator's token,
 * in `operator-token` in the home. Throws FailedPrecondition when there is a database, or a hub.
 */
export async function recoverFromSites({ home, clock, onStep }: RecoverRequest): Promise<{ readonly epoch: string }> {
  const held = holdHome(home, "hub");
  try {
    finishSwap(home);
    if (existsSync(databaseOf(home))) {
      const message = `${databaseOf(home)} is there: recovering from sites is for a hub that has nothing left; choose an empty --home`;
      throw new Fault("FailedPrecondition", message);
    }
    const mark = await prepare(home, clock);
    swapIn(home, { aside: null, mark }, onStep);
    return { epoch: mark.epoch };
  } finally {
    await held.close();
  }
}

async function prepare(home: string, clock: Clock): Promise<HighWater> {
  const path = preparedIn(home);
  removeDatabase(path);
  const store = await openSqliteStore({ path, migrations: HUB_MIGRATIONS, clock });
  let mark: HighWater;
  try {
    const authority = await createAuthority({ store, clock });
    // A second life: what the lost hub gave out, positions and ids, is not given out again.
    const noted = readHighWater(home);
    await authority.beginEpoch({
      beyond: noted?.seq ?? 0,
      told: { by: localOperator(), reason: "recover-from-sites", lost: noted?.audit },
      also: (tx) => setRecovering(tx, clock.now()),
    });
    const { token } = await createTokens({ store, clock }).createOperator({
      name: "first",
      role: "write",
      tenants: "all",
      by: localOperator(),
    });
    writePrivate(join(home, "operator-token"), token);
    mark = { ...(await store.read(reachedIn)), at: clock.now() };
  } finally {
    await store.close();
  }
  makeDurable(path);
  return mark;
}
