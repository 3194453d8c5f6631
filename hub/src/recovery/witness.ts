import { siteScope, tenantScope, type Witness } from "@holdfast/protocol";
import type { Receipts } from "../receipts.ts";

/** Where the hub believes that it is. */
export interface Standing {
  readonly site: string;
  readonly tenant: string;
  readonly epoch: string;
  /** How far the feeds have got. */
  readonly position: number;
  /** The site's stream in this epoch; undefined when there is none. */
  readonly stream: { readonly incarnation: number; readonly cursor: number } | undefined;
}

/** What a witness proves: the hub was at `beyond` at least, and is not any more. */
export interface Loss {
  readonly epoch: string;
  readonly beyond: number;
}

/**
 * Whether what a site was given by this hub lies beyond what the hub has now: then it has lost history (rule 7). A receipt
 * for another site or scope, or by another hand, proves nothing. To be asked of the life that is, and of one that the hub
 * does not know: that it has had that life is all that there is to prove.
 */
export function lossProvenBy(witness: Witness, here: Standing, receipts: Receipts): Loss | undefined {
  const { epoch } = witness;
  const good = witness.feed.filter((row) => isGoodFeed(row, { ...here, epoch }, receipts));
  const beyond = Math.max(here.position, ...good.map(({ seq }) => seq));
  const isOfThisLife = epoch === here.epoch;
  const isAhead = isOfThisLife && beyond > here.position;
  const stream = isOfThisLife ? here.stream : undefined;
  const isProven = isAhead || isAheadOf(witness.cursor, { ...here, epoch, stream }, receipts);
  if (!isProven && (isOfThisLife || good.length === 0)) return undefined;
  return { epoch: here.epoch, beyond };
}

function isGoodFeed({ scope, seq, receipt }: Witness["feed"][number], here: Standing, receipts: Receipts): boolean {
  const own = [siteScope(here.site), tenantScope(here.tenant)].find((each) => each === scope);
  return own !== undefined && receipts.isFeed(receipt, { scope: own, epoch: here.epoch, seq });
}

function isAheadOf(said: Witness["cursor"], { site, epoch, stream }: Standing, receipts: Receipts): boolean {
  if (!said) return false;
  const { incarnation, cursor, receipt } = said;
  if (!receipts.isCursor(receipt, { site, epoch, incarnation, cursor })) return false;
  if (!stream || incarnation > stream.incarnation) return true;
  return incarnation === stream.incarnation && cursor > stream.cursor;
}
