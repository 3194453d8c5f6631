import type { Authority, Store, Transaction } from "@holdfast/inventory";
import {
  batchHash,
  type Contact,
  type ContactReply,
  type EntryOutcome,
  type UplinkBatch,
  type UplinkRefusal,
  type UplinkReply,
} from "@holdfast/protocol";
import { type Clock, Fault, type Log, messageOf } from "@holdfast/runtime";
import { epochOf } from "../epoch-of.ts";
import { feedPosition } from "../feeds/feed-position.ts";
import type { HubHolds } from "../holds/holds.ts";
import type { Receipts } from "../receipts.ts";
import type { History } from "../recovery/history.ts";
import type { Recoveries } from "../recovery/recoveries.ts";
import type { Loss } from "../recovery/witness.ts";
import { type ApplyParts, applyEntry } from "./apply.ts";
import type { Courtesy } from "./courtesy.ts";
import { readEntry } from "./entry.ts";
import { isOfTheEntry } from "./entry-fault.ts";
import { beginIncarnation, misfitOf, noteMisfit } from "./incarnations.ts";
import { lendIdsTo } from "./lent-ids.ts";
import type { Applied, Origin } from "./origin.ts";
import { quarantine } from "./quarantine.ts";
import { placeBatch } from "./sequence.ts";
import { remember, streamOf } from "./streams.ts";
import type { UplinkStreamRow } from "./tables.ts";

/** A reason may repeat what the entry says, which may be long. */
const REASON_KEPT = 500;

export interface UplinkParts extends ApplyParts {
  readonly store: Store;
  readonly authority: ApplyParts["authority"] & Pick<Authority, "lendIds">;
  readonly holds: Pick<HubHolds, "hold" | "releaseIn">;
  readonly recoveries: Recoveries;
  readonly history: History;
  readonly receipts: Receipts;
  readonly courtesy: Pick<Courtesy, "giveWay">;
  readonly clock: Clock;
  readonly log: Log;
}

/** The answer, or what the hub expected instead. */
export type Taken<Reply> =
  | { readonly reply: Reply; readonly refusal?: undefined }
  | { readonly reply?: undefined; readonly refusal: UplinkRefusal };

export interface CallingSite {
  readonly site: string;
  readonly tenant: string;
}

export interface Uplink {
  /**
   * Applies a batch exactly once, however often it comes: its effects, the site's cursor and the reply are one
   * transaction. Rejects when the hub cannot write; nothing has happened then.
   */
  take(site: CallingSite, batch: UplinkBatch): Promise<Taken<UplinkReply>>;
  /** Hears a site that has nothing to say but what it knows of the hub. */
  contact(site: CallingSite, contact: Contact): Promise<Taken<ContactReply>>;
}

type Tried<Reply> = Taken<Reply> | { readonly loss: Loss; readonly known: UplinkStreamRow | undefined };

export function createUplink(parts: UplinkParts): Uplink {
  const { store, authority, history, receipts, courtesy, clock, log } = parts;

  /** Undefined when the entry was plainly applied and is no intent. */
  async function applyOne(
    tx: Transaction,
    origin: Origin,
    { seq, sent }: { seq: number; sent: unknown },
  ): Promise<EntryOutcome | undefined> {
    const { entry, reason } = readEntry(sent);
    const intent = intentOf(sent);
    const named = intent === undefined ? { seq } : { seq, intent };
    if (!entry) return { ...named, ...(await setAside(tx, origin, { seq, entry: sent, reason })) };
    let applied: Applied;
    try {
      applied = await tx.savepoint(() => applyEntry(tx, parts, { entry, seq, origin }));
    } catch (error) {
      if (!isOfTheEntry(error)) throw error;
      if (!(error instanceof Fault)) {
        log.error({ err: error, site: origin.site, seq }, "an entry met a fault of the hub's and was set aside");
      }
      return { ...named, ...(await setAside(tx, origin, { seq, entry: sent, reason: messageOf(error) })) };
    }
    if (intent === undefined && applied.result === "applied" && applied.reason === undefined) return undefined;
    return { ...named, ...applied };
  }

  async function setAside(
    tx: Transaction,
    { site, stream, now }: Origin,
    { seq, entry, reason: whole }: { seq: number; entry: unknown; reason: string },
  ): Promise<{ result: "quarantined"; reason: string }> {
    const reason = whole.slice(0, REASON_KEPT);
    await quarantine(tx, { site, stream, seq, at: now, reason, entry });
    log.warn({ site, seq, reason }, "an entry of a site cannot be applied and was set aside");
    return { result: "quarantined", reason };
  }

  async function takeIn(
    tx: Transaction,
    { site, tenant }: CallingSite,
    sent: UplinkBatch,
  ): Promise<Tried<UplinkReply>> {
    const epoch = await epochOf(tx);
    const known = await streamOf(tx, site);
    const here = { site, tenant, epoch, stream: known?.epoch === epoch ? known : undefined };
    const hash = batchHash(sent);
    const placed = placeBatch({ ...sent, hash }, epoch, known && { ...known, lastHash: known.last_hash });
    // What was shown with a batch that the hub has taken, it had then.
    if (placed.place === "repeat" && known) return { reply: JSON.parse(known.last_reply) as UplinkReply };
    const loss = await history.lossProvenBy(tx, sent.witness, here);
    if (loss) return { loss, known };
    if (placed.place === "refused") {
      const { place: _, ...refusal } = placed;
      log.warn({ site, reason: refusal.reason, first: sent.first, expected: refusal.expected }, "a batch was refused");
      const misfit = misfitOf(refusal, sent);
      if (misfit) await noteMisfit(tx, site, { incarnation: refusal.incarnation, reason: misfit });
      return { refusal: { code: "Aborted", ...refusal } };
    }

    const { stream } = sent;
    const origin: Origin = { site, tenant, stream, now: clock.now() };
    if (placed.place === "next" && placed.begins) {
      log.info({ site, ...stream }, "a site begins a new stream");
      const { holds, recoveries, ports } = parts;
      const earlier = known && Number(known.incarnation);
      await beginIncarnation(tx, { holds, recoveries, commands: ports.commands }, { origin, earlier });
    }
    const outcomes: EntryOutcome[] = [];
    for (const [index, entry] of sent.entries.entries()) {
      // The transaction stays open meanwhile: others see nothing of it, and whoever wants to write waits for its end.
      await courtesy.giveWay();
      const outcome = await applyOne(tx, origin, { seq: sent.first + index, sent: entry });
      if (outcome) outcomes.push(outcome);
    }
    const count = sent.wantIds ?? 0;
    const ids = count > 0 ? await lendIdsTo(tx, authority, { site, stream, count }) : undefined;
    if (count > 0 && !ids) log.error({ site }, "a site asks for more ids than any makes, it is lent no more");
    const cursor = sent.first + sent.entries.length - 1;
    const receipt = receipts.cursor({ site, ...stream, cursor });
    const position = await feedPosition(tx);
    const reply: UplinkReply = { stream, cursor, outcomes, ...(ids ? { ids } : {}), position, receipt };
    await remember(tx, { site, stream, reply, hash, now: origin.now });
    return { reply };
  }

  /** What a site was told by this hub is not there any more: it goes on in another life, and so must the site. */
  async function afterLoss<Reply>(tried: Tried<Reply>, site: string): Promise<Taken<Reply>> {
    if (!("loss" in tried)) return tried;
    await history.lost(tried.loss, "hub-rolled-back");
    const epoch = await store.read(epochOf);
    log.warn({ site, epoch }, "a site has what this hub has lost");
    const message = `the hub has lost history and is in epoch ${epoch} now: tell it what you hold`;
    const incarnation = Number(tried.known?.incarnation ?? 0);
    return { refusal: { code: "Aborted", message, reason: "epoch", epoch, incarnation, expected: 1 } };
  }

  return {
    take: async (site, sent) => afterLoss(await store.write((tx) => takeIn(tx, site, sent)), site.site),
    contact: async ({ site, tenant }, { witness }) => {
      const tried = await store.read(async (view): Promise<Tried<ContactReply>> => {
        const epoch = await epochOf(view);
        const known = await streamOf(view, site);
        const here = { site, tenant, epoch, stream: known?.epoch === epoch ? known : undefined };
        const loss = await history.lossProvenBy(view, witness, here);
        return loss ? { loss, known } : { reply: { epoch, position: await feedPosition(view) } };
      });
      return afterLoss(tried, site);
    },
  };
}

function intentOf(sent: unknown): string | undefined {
  const intent = typeof sent === "object" && sent !== null && "intent" in sent ? sent.intent : undefined;
  return typeof intent === "string" ? intent : undefined;
}
