import type { Authority, Store } from "@holdfast/inventory";
import type { Log } from "@holdfast/runtime";
import { feedPosition } from "../feeds/feed-position.ts";
import type { History } from "../recovery/history.ts";
import { provesLoss, readHighWater } from "./high-water.ts";

interface Parts {
  readonly home: string;
  readonly store: Pick<Store, "read">;
  readonly authority: Pick<Authority, "epoch" | "lineage">;
  readonly history: Pick<History, "lost">;
  readonly log: Log;
}

/**
 * Looks whether the database is older than the hub is known to have been: a snapshot of a disk or of a machine that somebody
 * put back. Then another life of the hub begins, before anybody is answered. Returns whether it did.
 */
export async function noticeRollBack({ home, store, authority, history, log }: Parts): Promise<boolean> {
  const mark = readHighWater(home);
  const position = await store.read(feedPosition);
  if (!mark || !provesLoss(mark, { lineage: authority.lineage(), position })) return false;
  const known = { epoch: mark.epoch, position: mark.seq, at: new Date(mark.at).toISOString() };
  log.error({ known, found: { epoch: authority.epoch(), position } }, "the database is older than this hub has been");
  await history.lost({ epoch: authority.epoch(), beyond: mark.seq, audit: mark.audit }, "hub-rolled-back");
  return true;
}
