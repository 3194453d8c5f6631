import type { FeedRow } from "@holdfast/inventory";
import type { FeedScope } from "@holdfast/protocol";
import { FEED_TABLE } from "@holdfast/protocol";
import { lastRead, type Offset } from "./offset.ts";
import type { Seal } from "./seal.ts";

/** Rows of a scope after some number, all of them or as many as one answer may carry, read in one snapshot. */
export interface Tail {
  readonly rows: readonly FeedRow[];
  readonly head: number;
  readonly floor: number;
  /** Whether nothing follows these rows. */
  readonly complete: boolean;
}

/** One answer: messages as JSON, and how far it brings the follower. */
export interface ShapePage {
  readonly messages: readonly string[];
  readonly next: Offset;
  readonly upToDate: boolean;
}

/** The first page of a snapshot: only what is there. */
export function firstPage(scope: FeedScope, tail: Tail): ShapePage {
  return snapshotPage(scope, { seq: tail.head, read: 0 }, tail);
}

/**
 * The page that follows an offset; undefined when the follower must start anew, because tombstones it has not seen are
 * pruned, or because it stands beyond the log's end (rule 10: the hub has lost history it once had).
 */
export function pageAfter(scope: FeedScope, offset: Offset, tail: Tail): ShapePage | undefined {
  if (offset.seq < tail.floor || lastRead(offset) > tail.head) return undefined;
  if (offset.read > 0) return snapshotPage(scope, offset, tail);
  const messages = tail.rows.map((row) => {
    if (row.body === null) return change(scope, row, "delete");
    return change(scope, row, row.since > offset.seq ? "insert" : "update");
  });
  return { messages, next: { seq: endOf(tail, offset.seq), read: 0 }, upToDate: tail.complete };
}

/**
 * Rows go on changing while a snapshot is paged. One that moved behind the page in hand comes as an insert, seen before
 * or not; one that went away since the snapshot began comes as a delete; one gone before it began was never handed out.
 */
function snapshotPage(scope: FeedScope, began: Offset, tail: Tail): ShapePage {
  const messages = tail.rows
    .filter((row) => row.body !== null || row.seq > began.seq)
    .map((row) => change(scope, row, row.body === null ? "delete" : "insert"));
  const read = endOf(tail, began.read);
  return { messages, next: tail.complete ? { seq: read, read: 0 } : { seq: began.seq, read }, upToDate: tail.complete };
}

function endOf(tail: Tail, otherwise: number): number {
  return tail.complete ? tail.head : (tail.rows.at(-1)?.seq ?? otherwise);
}

/** A change message. Values are texts, as PostgreSQL writes them; a delete carries the key alone. */
function change(scope: FeedScope, row: FeedRow, operation: "insert" | "update" | "delete"): string {
  const key = `"public"."${FEED_TABLE}"/${[scope, row.kind, row.id].map(keyPart).join("/")}`;
  const value = { scope, kind: row.kind, id: row.id };
  return JSON.stringify({
    key,
    headers: { operation, relation: ["public", FEED_TABLE], lsn: String(row.seq), op_position: 0 },
    value: operation === "delete" ? value : { ...value, seq: String(row.seq), body: row.body },
  });
}

function keyPart(text: string): string {
  return `"${text.replaceAll("/", "//")}"`;
}

/** The message that ends every answer which brings its follower to the log's end. */
export function upToDate(head: number, seal: Seal): string {
  return JSON.stringify({ headers: { control: "up-to-date", global_last_seen_lsn: String(head), ...seal(head) } });
}

export const MUST_REFETCH = JSON.stringify([{ headers: { control: "must-refetch" } }]);

/** The table's columns as the `electric-schema` header tells them: `dims`, not the specification's `dimensions`. */
export const FEED_SCHEMA = JSON.stringify({
  scope: { type: "text", dims: 0, pk_index: 0, not_null: true },
  seq: { type: "int8", dims: 0, not_null: true },
  kind: { type: "text", dims: 0, pk_index: 1, not_null: true },
  id: { type: "text", dims: 0, pk_index: 2, not_null: true },
  body: { type: "text", dims: 0, not_null: true },
});
