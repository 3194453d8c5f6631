import type { Authority, Store, Transaction } from "@holdfast/inventory";
import {
  batchHash,
  type EntryOutcome,
  type Stream,
  type UplinkBatch,
  type UplinkRefusal,
  type UplinkReply,
} from "@holdfast/protocol";
import { type Clock, Fault, type Log, messageOf, systemCode } from "@holdfast/runtime";
import type { HubTables, UplinkStreamRow } from "../tables.ts";
import type { Enrolments } from "../tokens/enrolments.ts";
import { applyEntry } from "./apply.ts";
import { readEntry } from "./entry.ts";
import { lendIdsTo } from "./lent-ids.ts";
import type { Applied, Origin } from "./origin.ts";
import { quarantine } from "./quarantine.ts";
import { placeBatch } from "./sequence.ts";

/** A reason may repeat what the entry says, which may be long. */
const REASON_KEPT = 500;

export interface UplinkParts {
  readonly store: Store;
  readonly authority: Authority;
  readonly enrolments: Pick<Enrolments, "remove">;
  readonly clock: Clock;
  readonly log: Log;
}

export type Taken =
  | { readonly reply: UplinkReply; readonly refusal?: undefined }
  | { readonly reply?: undefined; readonly refusal: UplinkRefusal };

export interface Uplink {
  /**
   * Applies a batch exactly once, however often it comes: its effects, the site's cursor and the reply are one
   * transaction. Rejects when the hub cannot write; nothing has happened then.
   */
  take(site: { readonly site: string; readonly tenant: string }, batch: UplinkBatch): Promise<Taken>;
}

export function createUplink({ store, authority, enrolments, clock, log }: UplinkParts): Uplink {
  async function apply(transaction: Transaction, origin: Origin, sent: UplinkBatch): Promise<EntryOutcome[]> {
    const outcomes: EntryOutcome[] = [];
    for (const [index, entry] of sent.entries.entries()) {
      const outcome = await applyOne(transaction, origin, { seq: sent.first + index, sent: entry });
      if (outcome) outcomes.push(outcome);
    }
    return outcomes;
  }

  /** Undefined when the entry was plainly applied and is no intent. */
  async function applyOne(
    transaction: Transaction,
    origin: Origin,
    { seq, sent }: { seq: number; sent: unknown },
  ): Promise<EntryOutcome | undefined> {
    const { entry, reason } = readEntry(sent);
    const intent = intentOf(sent);
    const named = intent === undefined ? { seq } : { seq, intent };
    if (!entry) return { ...named, ...(await refuse(transaction, origin, { seq, entry: sent, reason })) };
    let applied: Applied;
    try {
      applied = await transaction.savepoint(() =>
        applyEntry(transaction, { authority, enrolments }, { entry, origin }),
      );
    } catch (error) {
      if (!isOfTheEntry(error)) throw error;
      if (!(error instanceof Fault)) {
        log.error({ err: error, site: origin.site, seq }, "an entry met a fault of the hub's and was set aside");
      }
      return { ...named, ...(await refuse(transaction, origin, { seq, entry: sent, reason: messageOf(error) })) };
    }
    if (intent === undefined && applied.result === "applied" && applied.reason === undefined) return undefined;
    return { ...named, ...applied };
  }

  async function refuse(
    transaction: Transaction,
    { site, stream, now }: Origin,
    { seq, entry, reason: whole }: { seq: number; entry: unknown; reason: string },
  ): Promise<{ result: "quarantined"; reason: string }> {
    const reason = whole.slice(0, REASON_KEPT);
    await quarantine(transaction, { site, stream, seq, at: now, reason, entry });
    log.warn({ site, seq, reason }, "an entry of a site cannot be applied and was set aside");
    return { result: "quarantined", reason };
  }

  return {
    take: ({ site, tenant }, sent) =>
      store.write(async (transaction) => {
        const known = await streamOf(transaction, site);
        const hash = batchHash(sent);
        const placed = placeBatch(
          { ...sent, hash },
          authority.epoch(),
          known && { ...known, lastHash: known.last_hash },
        );
        if (placed.place === "refused") {
          const { reason, message, epoch, incarnation, expected } = placed;
          log.warn({ site, reason, first: sent.first, expected }, "a batch was refused");
          return { refusal: { code: "Aborted", message, reason, epoch, incarnation, expected } };
        }
        if (placed.place === "repeat" && known) return { reply: JSON.parse(known.last_reply) as UplinkReply };

        const { stream } = sent;
        const origin: Origin = { site, tenant, stream, now: clock.now() };
        const outcomes = await apply(transaction, origin, sent);
        const count = sent.wantIds ?? 0;
        const ids = count > 0 ? await lendIdsTo(transaction, authority, { site, stream, count }) : undefined;
        const cursor = sent.first + sent.entries.length - 1;
        const reply: UplinkReply = { stream, cursor, outcomes, ...(ids ? { ids } : {}) };
        await remember(transaction, { site, stream, reply, hash, now: origin.now });
        if (placed.place === "next" && placed.begins) log.info({ site, ...stream }, "a site begins a new stream");
        return { reply };
      }),
  };
}

/** The stream that the hub follows of a site; undefined before its first batch. */
export function streamOf(view: Pick<Transaction, "tables">, site: string): Promise<UplinkStreamRow | undefined> {
  return view.tables<HubTables>().selectFrom("uplink_stream").selectAll().where("site", "=", site).executeTakeFirst();
}

async function remember(
  transaction: Transaction,
  { site, stream, reply, hash, now }: { site: string; stream: Stream; reply: UplinkReply; hash: string; now: number },
): Promise<void> {
  const row = { ...stream, cursor: reply.cursor, last_hash: hash, last_reply: JSON.stringify(reply), last_at: now };
  await transaction
    .tables<HubTables>()
    .insertInto("uplink_stream")
    .values({ site, ...row })
    .onConflict((on) => on.column("site").doUpdateSet(row))
    .execute();
}

/**
 * Whether an error is the entry's fault. A database that is full, locked or broken would refuse every entry alike: that
 * is no reason to set them aside, and the batch is sent again.
 */
function isOfTheEntry(error: unknown): boolean {
  if (error instanceof Fault) return !["Internal", "Unavailable", "DeadlineExceeded"].includes(error.code);
  const code = systemCode(error);
  return code === undefined || code.startsWith("ERR_") || /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(code);
}

function intentOf(sent: unknown): string | undefined {
  const intent = typeof sent === "object" && sent !== null && "intent" in sent ? sent.intent : undefined;
  return typeof intent === "string" ? intent : undefined;
}
