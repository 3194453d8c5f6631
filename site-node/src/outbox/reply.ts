import type { Transaction } from "@holdfast/inventory";
import { LANES, type UplinkReply } from "@holdfast/protocol/uplink";
import { noteBatchKnown } from "../commands/local-acts.ts";
import { count } from "../database/counters.ts";
import { readSetting, type SiteStream, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { recordOutcome } from "../intents/outcomes.ts";
import { applyOutcomes } from "../replica/apply.ts";
import type { ReplicaOf } from "../replica/materialise.ts";
import { listenAnew, readPhase, writePhase } from "../replica/phase.ts";
import { wordsTaken } from "./credential-words.ts";
import { addLentIds } from "./id-pool.ts";
import { noteStates } from "./refused-state.ts";
import type { SealedBatch } from "./seal.ts";

/** What an acknowledgement was good for; `listens` when the feed must be asked anew after it. */
export type Acknowledged = { readonly taken: false } | { readonly taken: true; readonly listens: boolean };

/**
 * Takes the hub's acknowledgement of a batch: its entries go, what became of the intents is noted, lent ids come in, and the
 * phase moves on. Says no when the reply is not to this batch: of another stream, short of its end, or to one acknowledged
 * before.
 */
export async function acknowledge(
  transaction: Transaction,
  of: ReplicaOf,
  { batch, reply, now }: { batch: SealedBatch; reply: UplinkReply; now: number },
): Promise<Acknowledged> {
  const tables = siteTables(transaction);
  const stream = await readSetting(transaction, "stream");
  const sealed = await tables.selectFrom("sealed_batch").select("hash").executeTakeFirst();
  const last = batch.first + batch.entries - 1;
  if (!stream || sealed?.hash !== batch.hash || reply.cursor !== last) return { taken: false };
  if (reply.stream.epoch !== stream.epoch || reply.stream.incarnation !== stream.incarnation) return { taken: false };

  const position = reply.position ?? 0;
  const credentials = await sealedCredentials(transaction);
  await tables.deleteFrom("sealed_batch").execute();
  await tables.deleteFrom("outbox").where("sealed", "=", 1).execute();
  await wordsTaken(transaction, credentials, position);
  await noteBatchKnown(transaction, batch.body, position);
  await writeSetting(transaction, "stream", { ...stream, next: last + 1, previous: batch.hash });
  if (reply.receipt !== undefined) await keepReceipt(transaction, stream, { cursor: last, receipt: reply.receipt });
  await noteOutcomes(transaction, reply);
  await noteStates(transaction, { batch, outcomes: reply.outcomes, now });
  if (reply.ids) await addLentIds(transaction, reply.ids);
  const listens = await moveOn(transaction, position);
  await applyOutcomes(transaction, of, now);
  return { taken: true, listens };
}

async function noteOutcomes(transaction: Transaction, { outcomes }: UplinkReply): Promise<void> {
  let quarantined = 0;
  for (const outcome of outcomes) {
    if (outcome.result === "quarantined") quarantined += 1;
    if (outcome.intent !== undefined) await recordOutcome(transaction, { ...outcome, intent: outcome.intent });
  }
  if (quarantined > 0) await count(transaction, "entries-quarantined", quarantined);
}

async function sealedCredentials(transaction: Transaction): Promise<readonly string[]> {
  const rows = await siteTables(transaction)
    .selectFrom("outbox")
    .select("key")
    .where("sealed", "=", 1)
    .where("key", "like", "credential/%")
    .execute();
  return rows.map(({ key }) => key?.split("/")[1] ?? "");
}

async function keepReceipt(
  transaction: Transaction,
  { epoch, incarnation }: SiteStream,
  acknowledged: { cursor: number; receipt: string },
): Promise<void> {
  await writeSetting(transaction, "cursorReceipt", { epoch, incarnation, ...acknowledged });
}

/**
 * The whole push is with the hub, or the first batch of a new incarnation is: from here on only what is at least as new
 * counts as heard (rule 20).
 */
async function moveOn(transaction: Transaction, minimum: number): Promise<boolean> {
  const phase = await readPhase(transaction);
  const isWaiting = phase.is === "following" && phase.minimum === null;
  const hasPushed = phase.is === "recovering" && !(await isPushing(transaction));
  if (!isWaiting && !hasPushed) return false;
  await writePhase(transaction, { is: "following", minimum });
  await listenAnew(transaction, { fromTheStart: false });
  return true;
}

async function isPushing(transaction: Transaction): Promise<boolean> {
  const left = await siteTables(transaction)
    .selectFrom("outbox")
    .select("number")
    .where("sealed", "=", 0)
    .where("lane", "=", LANES.recovery)
    .limit(1)
    .executeTakeFirst();
  return left !== undefined;
}
