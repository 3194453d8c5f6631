import { createHash } from "node:crypto";
import { type Static, Type } from "typebox";

/** Bounds of an uplink, bytes of JSON. */
export const MAX_ENTRY_BYTES = 256 * 1024;
export const MAX_BATCH_BYTES = 1024 * 1024;
export const MAX_BATCH_ENTRIES = 1_000;

/** Lanes in the order in which they are sent. */
export const LANES = ["outcome", "intent", "state", "event", "telemetry"] as const;
export type Lane = (typeof LANES)[number];

/**
 * A stream is one life of a site as one life of the hub knows it. Numbers and cursor start anew in each.
 * The incarnation is greater than any the site had before.
 */
export const Stream = Type.Object({ epoch: Type.String({ maxLength: 64 }), incarnation: Type.Integer({ minimum: 1 }) });
export type Stream = Static<typeof Stream>;

const Observed = Type.Record(Type.String(), Type.Unknown());

/** The whole observed state of one resource: replaces what was known before. */
export const StateEntry = Type.Object({
  type: Type.Literal("state"),
  kind: Type.String(),
  id: Type.String(),
  observedAt: Type.Integer({ description: "milliseconds since the epoch, site's clock" }),
  observedGeneration: Type.Integer(),
  fields: Observed,
});
export type StateEntry = Static<typeof StateEntry>;

/** A resource that an operator or a machine made at the site. Repeated with the same creation id it changes nothing. */
export const CreateIntent = Type.Object({
  type: Type.Literal("create"),
  intent: Type.String({ description: "id of this intent and of every stamp it sets" }),
  kind: Type.String(),
  id: Type.String(),
  creation: Type.String(),
  actor: Type.String(),
  at: Type.Integer(),
  fields: Observed,
});
export type CreateIntent = Static<typeof CreateIntent>;

/** One intent field changed at the site. It names the stamp that its author saw, and applies only if that still stands. */
export const EditIntent = Type.Object({
  type: Type.Literal("edit"),
  intent: Type.String(),
  kind: Type.String(),
  id: Type.String(),
  field: Type.String(),
  base: Type.String({ description: "id of the stamp the author saw" }),
  value: Type.Unknown(),
  actor: Type.String(),
  at: Type.Integer(),
});
export type EditIntent = Static<typeof EditIntent>;

/** The site has let a machine go, as the stamp named here asked (of `desiredState` for a delete, of `siteId` for a move). */
export const ReleaseEntry = Type.Object({
  type: Type.Literal("release"),
  kind: Type.String(),
  id: Type.String(),
  reason: Type.Union([Type.Literal("deleted"), Type.Literal("moved")]),
  stamp: Type.String(),
});
export type ReleaseEntry = Static<typeof ReleaseEntry>;

/** A one-time token was used; the hub takes it out of the feed. */
export const EnrolmentUsed = Type.Object({
  type: Type.Literal("enrolment-used"),
  id: Type.String(),
  hostId: Type.String(),
  at: Type.Integer(),
});
export type EnrolmentUsed = Static<typeof EnrolmentUsed>;

/** Something that happened, kept as history. */
export const EventEntry = Type.Object({
  type: Type.Literal("event"),
  id: Type.String(),
  kind: Type.String(),
  subject: Type.String(),
  event: Type.String({ maxLength: 128 }),
  at: Type.Integer(),
  detail: Type.Optional(Observed),
});
export type EventEntry = Static<typeof EventEntry>;

export const UplinkEntry = Type.Union([StateEntry, CreateIntent, EditIntent, ReleaseEntry, EnrolmentUsed, EventEntry]);
export type UplinkEntry = Static<typeof UplinkEntry>;

const LANE_OF: Record<UplinkEntry["type"], Lane> = {
  release: "outcome",
  "enrolment-used": "outcome",
  create: "intent",
  edit: "intent",
  state: "state",
  event: "event",
};

export function laneOf(entry: UplinkEntry): Lane {
  return LANE_OF[entry.type];
}

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
