import type { UplinkBatch, UplinkRefusal } from "@holdfast/protocol";

/** The life of a site that the hub follows, and the last batch it applied of it. */
export interface KnownStream {
  readonly epoch: string;
  readonly incarnation: number;
  /** The number of the last entry applied. */
  readonly cursor: number;
  /** The hash of the last batch applied; empty when there was none. */
  readonly lastHash: string;
}

export type Placed =
  /** The next batch: of the known stream, or the first of a new one. */
  | { readonly place: "next"; readonly begins: boolean }
  /** The last batch again: its reply was lost. */
  | { readonly place: "repeat" }
  | ({ readonly place: "refused"; readonly message: string } & Pick<
      UplinkRefusal,
      "reason" | "epoch" | "incarnation" | "expected"
    >);

/** The parts of a batch that say where it belongs, and its hash. */
export type BatchPlace = Pick<UplinkBatch, "stream" | "first" | "previous"> & { readonly hash: string };

/**
 * Where a batch belongs (rule 7). A stream is one life of the hub's database and one of the site's; within it the numbers
 * run without a gap and every batch names the hash of the one before, so that a site put back to an earlier state is
 * noticed: it reuses numbers for other content.
 */
export function placeBatch(batch: BatchPlace, epoch: string, known: KnownStream | undefined): Placed {
  const { stream, first, previous, hash } = batch;
  const current = known?.epoch === epoch ? known : undefined;
  const next = (current?.cursor ?? 0) + 1;
  const refuse = (reason: UplinkRefusal["reason"], expected: number, message: string): Placed => {
    return { place: "refused", reason, message, epoch, incarnation: known?.incarnation ?? 0, expected };
  };

  if (stream.epoch !== epoch) {
    return refuse("epoch", next, `the hub is in epoch ${epoch}, the batch belongs to epoch ${stream.epoch}`);
  }
  if (known && stream.incarnation < known.incarnation) {
    const message = `incarnation ${stream.incarnation} of this site is over, the hub follows ${known.incarnation}`;
    return refuse("incarnation", next, message);
  }
  if (!current || stream.incarnation > current.incarnation) {
    if (first !== 1) return refuse("gap", 1, `a new stream begins at 1, the batch begins at ${first}`);
    if (previous !== "") return refuse("forked", 1, "the first batch of a stream follows no other");
    return { place: "next", begins: true };
  }
  if (hash === current.lastHash) return { place: "repeat" };
  if (first > next) return refuse("gap", next, `entries ${next} to ${first - 1} are missing`);
  if (first < next) return refuse("forked", next, `entry ${first} came before with other content`);
  if (previous !== current.lastHash)
    return refuse("forked", next, "the batch follows another than the last one applied");
  return { place: "next", begins: false };
}
