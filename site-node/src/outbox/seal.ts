import type { Transaction } from "@holdfast/inventory";
import type { Kind, Resource } from "@holdfast/protocol/kinds/kind";
import { KINDS } from "@holdfast/protocol/kinds/kinds";
import {
  batchHash,
  MAX_BATCH_BYTES,
  MAX_BATCH_ENTRIES,
  MAX_ENTRY_BYTES,
  type StateEntry,
  type UplinkBatch,
} from "@holdfast/protocol/uplink";
import { count } from "../database/counters.ts";
import { readSetting, type SiteStream } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { idsWanted } from "./id-pool.ts";
import { byteLength } from "./outbox.ts";
import { witnessOfBatch } from "./witness.ts";

/** What a batch costs beside its entries: stream, numbers, hash, the hub's signatures, punctuation. */
const ENVELOPE_BYTES = 2_048;

/** A batch as it is sent, to the byte, until the hub has acknowledged it. */
export interface SealedBatch {
  readonly first: number;
  readonly entries: number;
  readonly hash: string;
  readonly body: string;
}

export interface SealOptions {
  readonly site: string;
  readonly tenant: string;
  readonly now: number;
  readonly batchBytes?: number;
}

/**
 * The sealed batch that waits for its acknowledgement, or else a new one of what waits, lanes in order; undefined when
 * nothing waits. Entries get consecutive numbers, and neither they nor their numbers change after this.
 */
export async function seal(transaction: Transaction, options: SealOptions): Promise<SealedBatch | undefined> {
  const tables = siteTables(transaction);
  const waiting = await tables.selectFrom("sealed_batch").selectAll().executeTakeFirst();
  if (waiting) return waiting;
  const stream = await readSetting(transaction, "stream");
  if (!stream) return undefined;
  const entries = await takeEntries(transaction, options);
  if (entries.length === 0) return undefined;

  const batch = await makeBatch(transaction, stream, { entries, now: options.now });
  const sealed = {
    first: stream.next,
    entries: entries.length,
    hash: batchHash(batch),
    body: JSON.stringify(batch),
  };
  await tables
    .insertInto("sealed_batch")
    .values({ ...sealed, sealed_at: options.now })
    .execute();
  return sealed;
}

/**
 * Entries of a batch that was never acknowledged wait again, unless something newer took their place. Does nothing when
 * another batch than the one named is sealed.
 */
export async function unseal(transaction: Transaction, batch?: Pick<SealedBatch, "hash">): Promise<void> {
  const tables = siteTables(transaction);
  const sealed = await tables.selectFrom("sealed_batch").select("hash").executeTakeFirst();
  if (batch !== undefined && sealed?.hash !== batch.hash) return;
  await tables.deleteFrom("sealed_batch").execute();
  const newer = tables.selectFrom("outbox").select("key").where("sealed", "=", 0).where("key", "is not", null);
  await tables.deleteFrom("outbox").where("sealed", "=", 1).where("key", "in", newer).execute();
  await tables.updateTable("outbox").set({ sealed: 0 }).where("sealed", "=", 1).execute();
}

async function makeBatch(
  transaction: Transaction,
  { epoch, incarnation, next, previous }: SiteStream,
  { entries, now }: { entries: readonly unknown[]; now: number },
): Promise<UplinkBatch> {
  const wantIds = await idsWanted(transaction);
  const witness = await witnessOfBatch(transaction);
  return {
    stream: { epoch, incarnation },
    first: next,
    previous,
    sealedAt: now,
    entries: [...entries],
    ...(witness === undefined ? {} : { witness }),
    ...(wantIds === undefined ? {} : { wantIds }),
  };
}

async function takeEntries(transaction: Transaction, options: SealOptions): Promise<unknown[]> {
  for (;;) {
    const { entries, dropped } = await takeSome(transaction, options);
    // All of what was looked at had become nothing to say: what is behind it has not been looked at yet.
    if (entries.length > 0 || dropped === 0) return entries;
  }
}

async function takeSome(
  transaction: Transaction,
  options: SealOptions,
): Promise<{ readonly entries: unknown[]; readonly dropped: number }> {
  const tables = siteTables(transaction);
  const rows = await tables
    .selectFrom("outbox")
    .selectAll()
    .where("sealed", "=", 0)
    .orderBy("lane")
    .orderBy("number")
    .limit(MAX_BATCH_ENTRIES)
    .execute();
  const limit = (options.batchBytes ?? MAX_BATCH_BYTES) - ENVELOPE_BYTES;
  const entries: unknown[] = [];
  const taken: number[] = [];
  const dropped: number[] = [];
  let bytes = 0;
  for (const row of rows) {
    const text = row.body ?? (await stateText(transaction, row.key ?? "", options));
    const length = text === undefined ? 0 : byteLength(text);
    if (text === undefined || length > MAX_ENTRY_BYTES) {
      dropped.push(row.number);
      if (text !== undefined) await count(transaction, "entries-oversized");
      continue;
    }
    if (entries.length > 0 && bytes + length + 1 > limit) break;
    bytes += length + 1;
    // Parsed from the very text that was measured, so that hashing and sending see the same entry.
    entries.push(JSON.parse(text));
    taken.push(row.number);
  }
  if (dropped.length > 0) await tables.deleteFrom("outbox").where("number", "in", dropped).execute();
  if (taken.length > 0) await tables.updateTable("outbox").set({ sealed: 1 }).where("number", "in", taken).execute();
  return { entries, dropped: dropped.length };
}

/**
 * The whole observed state of the resource that a key names; undefined when it is gone, let go or another site's by now, and
 * when this life of the site has not seen it: what the hub knows of it stays.
 */
async function stateText(
  transaction: Transaction,
  key: string,
  { site, tenant }: SealOptions,
): Promise<string | undefined> {
  const [, kindName, id = ""] = key.split("/");
  const kind = KINDS.find((each) => each.name === kindName);
  const resource = kind && (await transaction.get(kind, tenant, id));
  if (!kind || !resource || (resource.owner !== undefined && resource.owner !== site)) return undefined;
  if (await isReleased(transaction, kind, resource)) return undefined;
  const { observedAt } = resource;
  return observedAt === undefined ? undefined : JSON.stringify(stateEntry(kind, { ...resource, observedAt }));
}

/**
 * Whether the site has said that it lets a machine go, as its newest intent asks. The hub hears that first, and has
 * nowhere to put what would come after it.
 */
async function isReleased(transaction: Transaction, kind: Kind, { resourceId, stamps }: Resource): Promise<boolean> {
  const said = await siteTables(transaction)
    .selectFrom("released")
    .select(["reason", "stamp"])
    .where("kind", "=", kind.name)
    .where("id", "=", resourceId)
    .executeTakeFirst();
  return said !== undefined && said.stamp === stamps[said.reason === "deleted" ? "desiredState" : "siteId"]?.id;
}

/** Groups of observations that this life of the site has seen nothing of are the hub's to keep: a disk may have been lost. */
function stateEntry(
  kind: Kind,
  { resourceId, fields, ...made }: Resource & { readonly observedAt: number },
): StateEntry {
  const { observedSources: sources = {}, observedAt, observedGeneration } = made;
  const keep = unseenGroups(kind, made);
  const observed = Object.entries(fields).filter(([name]) => {
    const field = kind.fields[name];
    return field?.owner === "site" && !(field.group && keep.includes(field.group));
  });
  return {
    type: "state",
    kind: kind.name,
    id: resourceId,
    observedAt,
    observedGeneration: observedGeneration ?? 0,
    fields: Object.fromEntries(observed),
    ...(Object.keys(sources).length === 0 ? {} : { sources: { ...sources } }),
    ...(keep.length === 0 ? {} : { keep }),
  };
}

function unseenGroups(kind: Kind, { observedSources }: Pick<Resource, "observedSources">) {
  // Observed by a version that did not note who saw what: all of it counts as seen.
  if (observedSources === undefined) return [];
  const groups = new Set(Object.values(kind.fields).flatMap(({ group }) => (group === undefined ? [] : [group])));
  return [...groups].filter((group) => observedSources[group] === undefined);
}
