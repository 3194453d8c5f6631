import type { FeedScope } from "@holdfast/protocol";
import type { Receipts } from "../receipts.ts";

/**
 * What an up-to-date message says beside being one: the hub's receipt for how far the follower has got, which the follower
 * keeps and shows to a hub that is behind it (rule 7).
 */
export type Seal = (seq: number) => {
  readonly receipt: string;
  readonly receipt_seq: string;
  readonly receipt_epoch: string;
};

/** The seals of a scope in one life of the hub. */
export function sealOf(receipts: Pick<Receipts, "feed">, scope: FeedScope, epoch: string): Seal {
  return (seq) => ({
    receipt: receipts.feed({ scope, epoch, seq }),
    receipt_seq: String(seq),
    receipt_epoch: epoch,
  });
}
