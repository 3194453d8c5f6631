import type { View } from "@holdfast/inventory";
import type { Witness } from "@holdfast/protocol/uplink";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { readPhase } from "../replica/phase.ts";

/**
 * The newest that the hub, in the life that this site knows, has signed of how far it was: of the site's own entries and of
 * each scope of its feed (rule 7). Undefined when it has signed nothing.
 */
export async function readWitness(view: View): Promise<Witness | undefined> {
  const stream = await readSetting(view, "stream");
  if (!stream) return undefined;
  const { epoch } = stream;
  const signed = await readSetting(view, "cursorReceipt");
  const rows = await siteTables(view)
    .selectFrom("replica_position")
    .select(["scope", "receipt_seq as seq", "receipt"])
    .orderBy("scope")
    .execute();
  const feed = rows.flatMap(({ scope, seq, receipt }) => {
    return seq === null || receipt === null ? [] : [{ scope, seq, receipt }];
  });
  if (signed?.epoch !== epoch) return feed.length === 0 ? undefined : { epoch, feed };
  const { incarnation, cursor, receipt } = signed;
  return { epoch, cursor: { incarnation, cursor, receipt }, feed };
}

/**
 * What goes with a batch. To another life of the hub, which has signed nothing yet, what the life before it signed: a hub that
 * does not know that life was put back to before it, and may believe that this site has told it all already.
 */
export async function witnessOfBatch(view: View): Promise<Witness | undefined> {
  const witness = await readWitness(view);
  if (witness !== undefined || (await readPhase(view)).is !== "recovering") return witness;
  return readSetting(view, "earlierWitness");
}
