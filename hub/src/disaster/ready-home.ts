import { existsSync } from "node:fs";
import { Fault, type Log } from "@holdfast/runtime";
import { databaseOf } from "../home.ts";
import { removeDatabase } from "./files.ts";
import { highWaterIn, readHighWater } from "./high-water.ts";
import { finishSwap, preparedIn } from "./swap.ts";

/**
 * Brings a home into order before its database is opened, with the home held: a restore that was broken off is finished, or
 * what it had begun to prepare is removed. Throws FailedPrecondition when the database is gone of a home that has had one:
 * to begin with nothing would hide that all is lost.
 */
export function readyHome(home: string, log: Log): void {
  const finished = finishSwap(home);
  if (finished)
    log.warn({ home, old: finished.aside, epoch: finished.mark.epoch }, "a restore was broken off, it is done now");
  removeDatabase(preparedIn(home));
  if (existsSync(databaseOf(home)) || !readHighWater(home)) return;
  throw new Fault(
    "FailedPrecondition",
    `${databaseOf(home)} is gone, and a hub has run here: put back a backup (holdfast hub restore FILE), or learn from the sites what it was (holdfast hub recover --from-sites); to begin with nothing, remove ${highWaterIn(home)}`,
  );
}
