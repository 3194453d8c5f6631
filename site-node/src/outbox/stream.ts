import type { Transaction } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import { Instance } from "@holdfast/protocol/kinds/instance";
import { LANES } from "@holdfast/protocol/uplink";
import { readSetting, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { deletionsToRepeat } from "../intents/deleted.ts";
import { intentEntry } from "../intents/entry.ts";
import { listenAnew, readPhase, writePhase } from "../replica/phase.ts";
import { wordsToRepeat } from "./credential-words.ts";
import { dropLentIds } from "./id-pool.ts";
import type { Outbox } from "./outbox.ts";
import { queueRecovery } from "./recovery.ts";
import { unseal } from "./seal.ts";
import { readWitness } from "./witness.ts";

/** How many of the hub's lives are remembered. */
const LIVES_KEPT = 1_000;
/** How many used enrolment tokens another life of the hub is told of. */
const USES_REPEATED = 1_000;

/** Greater than any before it, also when the disk that counted them is gone. */
export function nextIncarnation(last: number, now: number): number {
  return Math.max(last + 1, Math.floor(now / 1_000));
}

export interface NewStream {
  /** The hub's life. */
  readonly epoch: string;
  readonly reason: "first" | "epoch" | "gap" | "forked" | "incarnation";
  /** At least one more than this, where the hub says that it has seen it. */
  readonly above?: number;
  readonly site: string;
  readonly tenant: string;
  readonly now: number;
}

/**
 * Numbers start anew: with the hub's new epoch in the same incarnation, for any other reason in a greater one (rule 7). What
 * was not acknowledged is sent again, what was but does not show yet too (the hub knows intents by their ids), and the
 * observed state of every machine as a whole. Another epoch is a hub that may have lost history: all that the site holds
 * goes first, and until it is there nothing is heard (rule 20).
 */
export async function startStream(transaction: Transaction, outbox: Outbox, start: NewStream): Promise<void> {
  const { epoch, reason, above = 0, site, tenant, now } = start;
  const before = await readSetting(transaction, "stream");
  const witness = await readWitness(transaction);
  const last = (await readSetting(transaction, "incarnation")) ?? 0;
  const incarnation = reason === "epoch" && last > 0 ? last : nextIncarnation(Math.max(last, above), now);
  await writeSetting(transaction, "incarnation", incarnation);
  await writeSetting(transaction, "stream", { epoch, incarnation, next: 1, previous: "" });
  await rememberLives(transaction, before ? [before.epoch, epoch] : [epoch]);
  await unseal(transaction);
  await dropLentIds(transaction);
  const isAnotherLife = before !== undefined && before.epoch !== epoch;
  if (isAnotherLife && witness !== undefined) await writeSetting(transaction, "earlierWitness", witness);
  if (isAnotherLife || (await readPhase(transaction)).is === "recovering") {
    await writePhase(transaction, { is: "recovering", epoch });
    await queueRecovery(transaction, { site, tenant, now });
    await repeatForAnotherLife(transaction, outbox, start);
  } else {
    await writePhase(transaction, { is: "following", minimum: null });
  }
  await listenAnew(transaction, { fromTheStart: isAnotherLife });
  await repeatUnseenIntents(transaction, outbox);
  await touchAll(transaction, outbox, { site, tenant });
  await outbox.event(transaction, {
    kind: "site",
    subject: site,
    event: "stream-started",
    detail: { reason, epoch, incarnation },
  });
}

/** The observed state of every machine of this site will be sent as a whole. */
export async function touchAll(
  transaction: Transaction,
  outbox: Outbox,
  { site, tenant }: { site: string; tenant: string },
): Promise<void> {
  for (const kind of [Host, Instance]) {
    const { resources } = await transaction.list(kind, { tenant });
    for (const { resourceId, owner } of resources) {
      if (owner === site) await outbox.touch(transaction, kind.name, resourceId);
    }
  }
}

/** Lives of the hub that the site has not known before come after those that it has; `told` is in order. */
export async function rememberLives(transaction: Transaction, told: readonly string[]): Promise<void> {
  const known = (await readSetting(transaction, "lineage")) ?? [];
  if (told.every((life) => known.includes(life))) return;
  const lineage = [...known.filter((life) => !told.includes(life)), ...told];
  await writeSetting(transaction, "lineage", lineage.slice(-LIVES_KEPT));
}

/** What another life of the hub may have lost and no row of the replica says. Said twice it means the same as once. */
async function repeatForAnotherLife(
  transaction: Transaction,
  outbox: Outbox,
  { site, tenant }: Pick<NewStream, "site" | "tenant">,
): Promise<void> {
  for (const word of await wordsToRepeat(transaction, { site, tenant })) await outbox.add(transaction, word);
  const used = await siteTables(transaction)
    .selectFrom("enrolment_used")
    .select(["id", "host", "at"])
    .orderBy("at", "desc")
    .limit(USES_REPEATED)
    .execute();
  for (const { id, host: hostId, at } of used) {
    await outbox.add(transaction, { type: "enrolment-used", id, hostId, at });
  }
}

/** In the order they were made: a later intent may be based on an earlier one. */
async function repeatUnseenIntents(transaction: Transaction, outbox: Outbox): Promise<void> {
  const tables = siteTables(transaction);
  await tables.deleteFrom("outbox").where("lane", "=", LANES.intent).execute();
  const unseen = await tables
    .selectFrom("local_intent")
    .selectAll()
    .where((row) => row.or([row("outcome", "is", null), row("outcome", "!=", "quarantined")]))
    .orderBy("number")
    .execute();
  for (const deletion of await deletionsToRepeat(transaction)) await outbox.add(transaction, deletion);
  for (const intent of unseen) await outbox.add(transaction, intentEntry(intent));
  await tables
    .updateTable("local_intent")
    .set({ outcome: null, scope: null, seq: null })
    .where("outcome", "!=", "quarantined")
    .execute();
}
