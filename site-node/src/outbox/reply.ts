import type { Transaction } from "@holdfast/inventory";
import type { UplinkReply } from "@holdfast/protocol/uplink";
import { count } from "../database/counters.ts";
import { readSetting, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { recordOutcome } from "../intents/outcomes.ts";
import { applyOutcomes } from "../replica/apply.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { addLentIds } from "./id-pool.ts";
import type { SealedBatch } from "./seal.ts";

/**
 * Takes the hub's acknowledgement of a batch: its entries go, what became of the intents is noted, lent ids come in.
 * Says no when the reply is not to this batch: of another stream, short of its end, or to one acknowledged before.
 */
export async function acknowledge(
  transaction: Transaction,
  of: ReplicaOf,
  { batch, reply, now }: { batch: SealedBatch; reply: UplinkReply; now: number },
): Promise<boolean> {
  const tables = siteTables(transaction);
  const stream = await readSetting(transaction, "stream");
  const sealed = await tables.selectFrom("sealed_batch").select("hash").executeTakeFirst();
  const last = batch.first + batch.entries - 1;
  if (!stream || sealed?.hash !== batch.hash || reply.cursor !== last) return false;
  if (reply.stream.epoch !== stream.epoch || reply.stream.incarnation !== stream.incarnation) return false;

  await tables.deleteFrom("sealed_batch").execute();
  await tables.deleteFrom("outbox").where("sealed", "=", 1).execute();
  await writeSetting(transaction, "stream", { ...stream, next: last + 1, previous: batch.hash });
  let quarantined = 0;
  for (const outcome of reply.outcomes) {
    if (outcome.result === "quarantined") quarantined += 1;
    if (outcome.intent !== undefined) await recordOutcome(transaction, { ...outcome, intent: outcome.intent });
  }
  if (quarantined > 0) await count(transaction, "entries-quarantined", quarantined);
  if (reply.ids) await addLentIds(transaction, reply.ids);
  await applyOutcomes(transaction, of, now);
  return true;
}
