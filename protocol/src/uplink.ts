import { createHash } from "node:crypto";
import { type Static, Type } from "typebox";

export * from "./entries.ts";

/** Bounds of an uplink, bytes of JSON. */
export const MAX_ENTRY_BYTES = 256 * 1024;
export const MAX_BATCH_BYTES = 1024 * 1024;
export const MAX_BATCH_ENTRIES = 1_000;

/** Bytes a second of the slowest link over which a whole batch still gets through. */
const SLOWEST_LINK = 4 * 1024;
/** How long the hub may take with a batch that has come, milliseconds. */
const TAKEN_WITHIN = 60_000;

/** For how long a site waits until a batch of so many bytes has gone out and is answered, milliseconds; so does the hub. */
export function batchTakesAtMost(bytes: number): number {
  return Math.ceil((bytes / SLOWEST_LINK) * 1_000) + TAKEN_WITHIN;
}

/**
 * A stream is one life of a site as one life of the hub knows it. Numbers and cursor start anew in each.
 * The incarnation is greater than any the site had before.
 */
export const Stream = Type.Object({ epoch: Type.String({ maxLength: 64 }), incarnation: Type.Integer({ minimum: 1 }) });
export type Stream = Static<typeof Stream>;

/**
 * What the hub itself has said of how far it was, with its own signature: a hub that finds itself behind that has lost
 * history. A site shows the newest that it has.
 */
export const Witness = Type.Object({
  epoch: Type.String({ maxLength: 64 }),
  cursor: Type.Optional(Type.Object({ incarnation: Type.Integer(), cursor: Type.Integer(), receipt: Type.String() })),
  feed: Type.Array(Type.Object({ scope: Type.String(), seq: Type.Integer(), receipt: Type.String() }), { maxItems: 8 }),
});
export type Witness = Static<typeof Witness>;

/**
 * A sealed batch: entries numbered from `first` without a gap, resent unchanged until acknowledged. Entries are open
 * here on purpose: one that the hub cannot read is quarantined, and the rest of its batch goes on.
 */
export const UplinkBatch = Type.Object({
  stream: Stream,
  first: Type.Integer({ minimum: 1 }),
  previous: Type.String({ maxLength: 64, description: "hash of the batch before; empty for a stream's first" }),
  sealedAt: Type.Integer({ description: "milliseconds since the epoch, site's clock" }),
  entries: Type.Array(Type.Unknown(), { maxItems: MAX_BATCH_ENTRIES }),
  witness: Type.Optional(Witness),
  wantIds: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1_000, description: "how many ids the site asks to be lent" }),
  ),
});
export type UplinkBatch = Static<typeof UplinkBatch>;

/** What became of an entry. `at` is where the site will see the outcome in its feed. */
export const EntryOutcome = Type.Object({
  seq: Type.Integer(),
  intent: Type.Optional(Type.String()),
  result: Type.Union([Type.Literal("applied"), Type.Literal("conflict"), Type.Literal("quarantined")]),
  reason: Type.Optional(Type.String()),
  at: Type.Optional(Type.Object({ scope: Type.String(), seq: Type.Integer() })),
  alias: Type.Optional(Type.String({ description: "the resource exists under this id instead" })),
  conflict: Type.Optional(Type.String({ description: "id of the conflict that has got the value" })),
});
export type EntryOutcome = Static<typeof EntryOutcome>;

/** A block of ids that only this site may use, for resources it makes alone. `first` … `first + count - 1`. */
export const IdBlock = Type.Object({ first: Type.Integer(), count: Type.Integer() });
export type IdBlock = Static<typeof IdBlock>;

export const UplinkReply = Type.Object({
  stream: Stream,
  cursor: Type.Integer({ description: "number of the last entry that the hub has applied" }),
  outcomes: Type.Array(EntryOutcome, { description: "of entries not plainly applied, and of every intent" }),
  ids: Type.Optional(IdBlock),
  position: Type.Optional(
    Type.Integer({
      description: "how far the hub's feeds had got when the batch was applied; a later answer is newer",
    }),
  ),
  receipt: Type.Optional(Type.String({ description: "the hub's signature of stream and cursor" })),
  protocol: Type.Optional(
    Type.Integer({ description: "the version that the hub speaks; another than before, and the link is opened anew" }),
  ),
});
export type UplinkReply = Static<typeof UplinkReply>;

/** Body of a 409: what the hub expected, beside the usual `code` and `message`. */
export const UplinkRefusal = Type.Object({
  code: Type.String(),
  message: Type.String(),
  reason: Type.Union([Type.Literal("epoch"), Type.Literal("incarnation"), Type.Literal("gap"), Type.Literal("forked")]),
  epoch: Type.String(),
  incarnation: Type.Integer(),
  expected: Type.Integer({ description: "number of the next entry that the hub will take" }),
});
export type UplinkRefusal = Static<typeof UplinkRefusal>;

/** The hash that chains batches: SHA-256 over the batch's own fields as sent, hex. */
export function batchHash(batch: Pick<UplinkBatch, "stream" | "first" | "previous" | "entries">): string {
  const { stream, first, previous, entries } = batch;
  return createHash("sha256")
    .update(JSON.stringify([stream.epoch, stream.incarnation, first, previous, entries]))
    .digest("hex");
}
