import { setImmediate as nextTurn } from "node:timers/promises";
import type { Transaction } from "@holdfast/inventory";
import { ROW } from "@holdfast/protocol/feed";
import { KINDS, kindNamed } from "@holdfast/protocol/kinds/kinds";
import { CompiledQuery, sql } from "kysely";
import { siteTables } from "../database/tables.ts";
import { rememberDeletion } from "../intents/deleted.ts";
import { DELETION, type LocalIntent } from "../intents/entry.ts";
import { takeCredentials } from "../outbox/credential-words.ts";
import { forgetReleased, keepConflict } from "../outbox/released.ts";
import { unreadableInPlace } from "./in-place.ts";
import { type ReplicaOf, staysShown } from "./materialise.ts";
import { showAll, Touched } from "./show.ts";
import { slices } from "./slices.ts";

/** Kinds of feed rows that are no resources: they are read where they lie, and the tenant is known from the session. */
const READ_IN_PLACE: ReadonlySet<string> = new Set([...Object.values(ROW), "tenant"]);

const UNKNOWN_KIND = "this version does not know the kind";

// As texts: each of these is asked for every batch, and building a statement takes longer than such a one runs.
const PARKED = "select kind, id from replica_row where parked is not null";
const JUDGED = `select intent.number, intent.kind, intent.resource, intent.field, intent.outcome, intent.seq,
    at.seq as reached, refused.conflict
  from local_intent intent
    left join replica_position at on at.scope = intent.scope
    left join refused_intent refused on refused.id = intent.id
  where intent.outcome is not null`;

interface JudgedIntent extends Pick<LocalIntent, "number" | "kind" | "resource" | "field" | "outcome" | "seq"> {
  readonly reached: number | null;
  readonly conflict: string | null;
}

/** Rows that one statement stores. */
const AT_ONCE = 50;

/** Rows that are looked at before others get their turn. */
const LOOKED_AT = 2_000;

export type FeedChange =
  | { readonly is: "row"; readonly kind: string; readonly id: string; readonly seq: number; readonly body: string }
  | { readonly is: "gone"; readonly kind: string; readonly id: string };

/** The hub's signature of how far a scope was. */
export interface FeedReceipt {
  readonly seq: number;
  readonly receipt: string;
}

/** All that one scope said up to a position. A snapshot is the whole of the scope: what it does not name is gone. */
export interface FeedBatch {
  readonly scope: string;
  readonly handle: string;
  readonly position: string;
  readonly snapshot: boolean;
  readonly changes: readonly FeedChange[];
  readonly receipt?: FeedReceipt | undefined;
}

/** What a batch changed beside what is shown. */
export interface Applied {
  /** By what machines are known. */
  readonly credentials: boolean;
}

/** The number that a position of the form `12_0` has reached. */
export function seqOf(position: string): number {
  const seq = Number(position.split("_")[0]);
  return Number.isSafeInteger(seq) && seq > 0 ? seq : 0;
}

/**
 * Applies what a scope said, with the position it leads to, in the caller's transaction. A row that cannot be applied
 * yet is parked: what the site shows of it stays as it was, and the row is tried again with every later batch and outcome. Whether the
 * batch may be applied at all is not asked here: see `takeBatch`.
 */
export async function applyBatch(
  transaction: Transaction,
  of: ReplicaOf,
  batch: FeedBatch,
  now: number,
): Promise<Applied> {
  const tables = siteTables(transaction);
  const touched = new Touched();
  if (batch.snapshot) await sweep(transaction, batch, touched);
  await storeChanges(transaction, batch, now);
  for await (const some of slices(batch.changes, LOOKED_AT)) for (const { kind, id } of some) touched.add(kind, id);
  const { receipt } = batch;
  const reached = {
    ...{ handle: batch.handle, position: batch.position, seq: seqOf(batch.position), at: now },
    ...(receipt === undefined ? {} : { receipt: receipt.receipt, receipt_seq: receipt.seq }),
  };
  await tables.executeQuery(
    CompiledQuery.raw(reaching(Object.keys(reached)), [batch.scope, ...Object.values(reached)]),
  );
  for (const { name } of KINDS) {
    for await (const ids of slices(touched.of(name), LOOKED_AT)) await forgetReleased(transaction, name, ids);
  }
  await settleIntents(transaction, touched);
  await addParked(transaction, touched);
  await showAll(transaction, of, touched, now);
  return { credentials: await takeCredentials(transaction, of) };
}

/** The text of a statement that notes how far a scope has got: with a signature of the hub or without. */
function reaching(columns: readonly string[]): string {
  return `insert into replica_position (scope, ${columns.join(", ")}) values (?${", ?".repeat(columns.length)})
    on conflict (scope) do update set ${columns.map((column) => `${column} = excluded.${column}`).join(", ")}`;
}

/** Shows resources anew whose local intents changed their standing: the hub refused them, or the replica shows them. */
export async function applyOutcomes(transaction: Transaction, of: ReplicaOf, now: number): Promise<void> {
  const touched = new Touched();
  await settleIntents(transaction, touched);
  if (touched.kinds().length === 0) return;
  // What was made here may have stood in the way of what the hub has in its place.
  await addParked(transaction, touched);
  await showAll(transaction, of, touched, now);
}

/** What waits is tried again with all else that changes. */
async function addParked(transaction: Transaction, touched: Touched): Promise<void> {
  const parked = await transaction.rows<{ kind: string; id: string }>(PARKED, []);
  for (const { kind, id } of parked) touched.add(kind, id);
}

/** Of several changes of one row the last counts. */
async function storeChanges(transaction: Transaction, batch: FeedBatch, now: number): Promise<void> {
  const { scope, changes, snapshot } = batch;
  const last = new Map<string, FeedChange>();
  for await (const some of slices(changes, LOOKED_AT)) {
    for (const change of some) last.set(`${change.kind}/${change.id}`, change);
  }
  const rows: (FeedChange & { is: "row" })[] = [];
  for await (const some of slices([...last.values()], LOOKED_AT)) {
    for (const change of some) {
      if (change.is === "row") rows.push(change);
      else await storeGone(transaction, scope, change);
    }
  }
  for await (const some of slices(rows, AT_ONCE)) await storeRows(transaction, { scope, snapshot, now }, some);
}

/** A row that comes again never puts a newer one back; a snapshot is right as it is. */
async function storeRows(
  transaction: Transaction,
  { scope, snapshot, now }: Pick<FeedBatch, "scope" | "snapshot"> & { readonly now: number },
  rows: readonly (FeedChange & { is: "row" })[],
): Promise<void> {
  const values = rows.flatMap(({ kind, id, seq, body }) => {
    const reason = whyUnread(kind, body);
    return [scope, kind, id, seq, body, reason ?? null, reason === undefined ? null : now];
  });
  const statement = CompiledQuery.raw(storing(rows.length), [...values, snapshot ? 1 : 0]);
  await siteTables(transaction).executeQuery(statement);
}

/** The text of a statement that stores so many rows: the same each time, so it is prepared once. */
function storing(rows: number): string {
  return `insert into replica_row (scope, kind, id, seq, body, parked, parked_at)
    values ${Array.from({ length: rows }, () => "(?, ?, ?, ?, ?, ?, ?)").join(", ")}
    on conflict (scope, kind, id) do update
      set seq = excluded.seq, body = excluded.body, parked = excluded.parked,
        parked_at = case when excluded.parked is not null then coalesce(replica_row.parked_at, excluded.parked_at) end
      where ? or excluded.seq >= replica_row.seq`;
}

/** Why a row waits for a later version whatever else there is; a row of a resource is judged when it is shown. */
export function whyUnread(kind: string, body: string): string | undefined {
  if (kindNamed(kind)) return undefined;
  return READ_IN_PLACE.has(kind) ? unreadableInPlace(kind, body) : UNKNOWN_KIND;
}

/** Kept as a row without a body until nothing refers to the resource any more; then it goes. */
async function storeGone(transaction: Transaction, scope: string, { kind, id }: { kind: string; id: string }) {
  if (kind === ROW.conflict) await keepClosed(transaction, scope, id);
  await siteTables(transaction)
    .updateTable("replica_row")
    .set({ body: null, parked: null, parked_at: null })
    .where("scope", "=", scope)
    .where("kind", "=", kind)
    .where("id", "=", id)
    .execute();
}

async function keepClosed(transaction: Transaction, scope: string, id: string): Promise<void> {
  const row = await siteTables(transaction)
    .selectFrom("replica_row")
    .select("body")
    .where("scope", "=", scope)
    .where("kind", "=", ROW.conflict)
    .where("id", "=", id)
    .executeTakeFirst();
  if (row?.body) await keepConflict(transaction, id, row.body);
}

async function sweep(transaction: Transaction, { scope, changes }: FeedBatch, touched: Touched): Promise<void> {
  const named = new Set<string>();
  for await (const some of slices(changes, LOOKED_AT)) {
    for (const change of some) if (change.is === "row") named.add(`${change.kind}/${change.id}`);
  }
  for await (const held of heldRows(transaction, scope)) {
    for (const { kind, id } of held) {
      if (named.has(`${kind}/${id}`)) continue;
      touched.add(kind, id);
      await storeGone(transaction, scope, { kind, id });
    }
  }
}

/** Which rows the scope has, a page at a time. */
async function* heldRows(transaction: Transaction, scope: string) {
  for (let [kind, id] = ["", ""]; ; ) {
    const { rows } = await sql<{ kind: string; id: string }>`select kind, id from replica_row
      where scope = ${scope} and (kind, id) > (${kind}, ${id})
      order by kind, id limit ${LOOKED_AT}`.execute(siteTables(transaction));
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    ({ kind, id } = last);
    await nextTurn();
  }
}

async function isInFeed(transaction: Transaction, kind: string, id: string): Promise<boolean> {
  const text = "select 1 from replica_row where kind = ? and id = ? and body is not null limit 1";
  return (await transaction.rows(text, [kind, id])).length > 0;
}

/** Drops the intents that the replica now shows, or that the hub turned down where it now shows what it has instead. */
async function settleIntents(transaction: Transaction, touched: Touched): Promise<void> {
  const tables = siteTables(transaction);
  const judged = await transaction.rows<JudgedIntent>(JUDGED, []);
  for (const { number, kind, resource, field, outcome, seq, reached, conflict } of judged) {
    touched.add(kind, resource);
    // Turned down for good: it only stays on record, but for a host, which stays shown: the machine it admitted is real.
    if (outcome === "quarantined") continue;
    if (seq !== null && (reached ?? 0) < seq) continue;
    // Until somebody has chosen: then the replica shows the resource, or there is none. Nothing is to be chosen where the hub
    // has another resource under the id: that is what there is.
    const isCreation = field === null && staysShown(kind);
    const isOpen = outcome === "conflict" && isCreation && (await mayStillBe(transaction, conflict));
    if (isOpen && !(await isInFeed(transaction, kind, resource))) continue;
    if (field === DELETION && outcome === "applied") await rememberDeletion(transaction, number);
    await tables.deleteFrom("local_intent").where("number", "=", number).execute();
  }
}

/** Whether a creation that became a conflict is still to be decided, as far as the replica shows. */
async function mayStillBe(transaction: Transaction, conflict: string | null): Promise<boolean> {
  return conflict === null || isInFeed(transaction, ROW.conflict, conflict);
}
