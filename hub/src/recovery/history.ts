import type { AuditHead, Authority, View } from "@holdfast/inventory";
import type { HoldReason, Witness } from "@holdfast/protocol";
import type { Log } from "@holdfast/runtime";
import { feedPosition } from "../feeds/feed-position.ts";
import type { HubHolds } from "../holds/holds.ts";
import type { Receipts } from "../receipts.ts";
import { isToBeHeard } from "./wanted.ts";
import { type Loss, lossProvenBy, type Standing } from "./witness.ts";

/** Whether this hub still has what it once had. */
export interface History {
  /** What a site's witness proves; undefined when the hub has all that it says. */
  lossProvenBy(view: View, witness: Witness | undefined, here: Omit<Standing, "position">): Promise<Loss | undefined>;
  /**
   * Begins another life of the hub, in which its sites tell it what they hold, and holds them all. Does nothing when the
   * life that is said to have lost something is over already. Call it outside of transactions.
   */
  lost(loss: Loss & { readonly audit?: AuditHead | undefined }, reason: HoldReason): Promise<void>;
}

interface HistoryParts {
  readonly authority: Pick<Authority, "epoch" | "lineage" | "beginEpoch">;
  readonly holds: Pick<HubHolds, "holdAll">;
  readonly receipts: Receipts;
  readonly log: Log;
}

export function createHistory({ authority, holds, receipts, log }: HistoryParts): History {
  /** Several sites prove the same at once; one new life is enough for all of them. */
  let turn: Promise<void> = Promise.resolve();

  async function begin(
    { epoch, beyond, audit: lost }: Parameters<History["lost"]>[0],
    reason: HoldReason,
  ): Promise<void> {
    if (authority.epoch() !== epoch) return;
    const begun = await authority.beginEpoch({
      beyond,
      told: { reason, lost },
      also: (tx) => holds.holdAll(tx, reason),
    });
    const message = "the hub has lost history: its sites tell it what they hold, nothing disruptive is done meanwhile";
    log.error({ reason, lost: epoch, epoch: begun, beyond }, message);
  }

  return {
    async lossProvenBy(view, witness, here) {
      if (!witness) return undefined;
      if (witness.epoch !== here.epoch) {
        const lives = authority.lineage();
        // The site tells it all as it is, or has told it in a life that is known.
        if (lives.includes(witness.epoch) || (await isToBeHeard(view, here.site, lives))) return undefined;
      }
      return lossProvenBy(witness, { ...here, position: await feedPosition(view) }, receipts);
    },
    lost(loss, reason) {
      const begun = turn.then(() => begin(loss, reason));
      turn = begun.catch(() => undefined);
      return begun;
    },
  };
}
