import { type Static, Type } from "typebox";
import { ResourceBody } from "./feed.ts";

/**
 * Lanes by the number by which they are ordered when they are sent; a number, once given, stays, for sites keep it. What a
 * restored hub must learn goes before all else.
 */
export const LANES = { recovery: -1, outcome: 0, intent: 1, state: 2, event: 3, telemetry: 4 } as const;
export type Lane = keyof typeof LANES;

const Observed = Type.Record(Type.String(), Type.Unknown());

/** Who saw a group of observations, and when (milliseconds since the epoch, site's clock). */
export const Source = Type.Object({
  source: Type.String({ maxLength: 32, description: "`agent`: the machine itself; `site`: its site" }),
  at: Type.Integer(),
});
export type Source = Static<typeof Source>;

/** The whole observed state of one resource: replaces what was known before, but for the groups that the site has not seen. */
export const StateEntry = Type.Object({
  type: Type.Literal("state"),
  kind: Type.String(),
  id: Type.String(),
  observedAt: Type.Integer({ description: "milliseconds since the epoch, site's clock" }),
  observedGeneration: Type.Integer(),
  fields: Observed,
  sources: Type.Optional(Type.Record(Type.String(), Source, { description: "by group of observations" })),
  keep: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: 16,
      description: "groups of which this life of the site has seen nothing: what is known of them stays",
    }),
  ),
});
export type StateEntry = Static<typeof StateEntry>;

/** Id of the token by which an operator was let in; nobody's when the site or a machine wanted it by itself. */
const Token = Type.Optional(Type.String({ maxLength: 64 }));

/** From where an operator asked for something, and in which request: for the hub's audit log. */
const From = Type.Optional(
  Type.Object({
    address: Type.Optional(Type.String({ maxLength: 64 })),
    request: Type.Optional(Type.String({ maxLength: 100 })),
  }),
);

/** Ids of writes and names of people are shown and chosen by: what is longer is none. */
const WriteId = (description: string) => Type.String({ maxLength: 64, description });
const Person = Type.String({ maxLength: 1_024 });

/** A resource that an operator or a machine made at the site. Repeated with the same creation id it changes nothing. */
export const CreateIntent = Type.Object({
  type: Type.Literal("create"),
  intent: WriteId("id of this intent and of every stamp it sets"),
  kind: Type.String(),
  id: Type.String(),
  creation: WriteId("id of the creation"),
  actor: Person,
  token: Token,
  from: From,
  at: Type.Integer(),
  bound: Type.Optional(Type.Boolean({ description: "a machine has been admitted as this host already" })),
  fields: Observed,
});
export type CreateIntent = Static<typeof CreateIntent>;

/** One intent field changed at the site. It names the stamp that its author saw, and applies only if that still stands. */
export const EditIntent = Type.Object({
  type: Type.Literal("edit"),
  intent: WriteId("id of this intent and of the stamp it sets"),
  kind: Type.String(),
  id: Type.String(),
  field: Type.String(),
  base: WriteId("id of the stamp the author saw"),
  value: Type.Unknown(),
  actor: Person,
  token: Token,
  from: From,
  at: Type.Integer(),
  resolves: Type.Optional(
    Type.Object(
      { conflict: Type.String(), saw: Type.Array(Type.String(), { description: "ids of the writes chosen from" }) },
      { description: "chooses between the values of a conflict; one that has got others since stays open" },
    ),
  ),
});
export type EditIntent = Static<typeof EditIntent>;

/**
 * A resource deleted at the site, of a kind that is gone at once. It names the stamps that its author saw, and applies only if
 * all of them still stand.
 */
export const DeleteIntent = Type.Object({
  type: Type.Literal("delete"),
  intent: WriteId("id of this intent"),
  kind: Type.String(),
  id: Type.String(),
  saw: Type.Record(Type.String(), WriteId("id of the stamp"), { description: "by field, what its author saw" }),
  actor: Person,
  token: Token,
  from: From,
  at: Type.Integer(),
});
export type DeleteIntent = Static<typeof DeleteIntent>;

/** The site has let a machine go, as the stamp named here asked (of `desiredState` for a delete, of `siteId` for a move). */
export const ReleaseEntry = Type.Object({
  type: Type.Literal("release"),
  kind: Type.String(),
  id: Type.String(),
  reason: Type.Union([Type.Literal("deleted"), Type.Literal("moved")]),
  stamp: Type.String(),
  body: Type.Optional(ResourceBody),
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

/** How far a command has got at its site: begun, or how it ended. */
export const COMMAND_STATUSES = ["started", "done", "failed", "refused", "expired", "unknown"] as const;

/** How far a command has got; `given` says by whom when it was given at the site itself. */
export const CommandEntry = Type.Object({
  type: Type.Literal("command"),
  id: Type.String({ maxLength: 64 }),
  hostId: Type.String(),
  status: Type.Unsafe<(typeof COMMAND_STATUSES)[number]>({ type: "string", enum: [...COMMAND_STATUSES] }),
  reason: Type.Optional(Type.String({ maxLength: 1_024 })),
  at: Type.Integer({ description: "milliseconds since the epoch, site's clock" }),
  given: Type.Optional(
    Type.Object({
      command: Type.String(),
      actor: Person,
      token: Token,
      from: From,
      issuedAt: Type.Integer(),
      notAfter: Type.Integer(),
    }),
  ),
});
export type CommandEntry = Static<typeof CommandEntry>;

/** An operator at the site lets disruptive commands go on. */
export const HoldReleased = Type.Object({
  type: Type.Literal("hold-released"),
  hold: Type.String(),
  actor: Person,
  token: Token,
  from: From,
  at: Type.Integer(),
});
export type HoldReleased = Static<typeof HoldReleased>;

/** By what the machine of a host is known from now on; null: nobody may speak for the host. */
export const CredentialEntry = Type.Object({
  type: Type.Literal("credential"),
  hostId: Type.String(),
  hash: Type.Union([Type.String({ maxLength: 64 }), Type.Null()]),
  machine: Type.String({ maxLength: 64 }),
  at: Type.Integer(),
});
export type CredentialEntry = Static<typeof CredentialEntry>;

/** A machine that is a host of another site has shown up here. */
export const ArrivalEntry = Type.Object({
  type: Type.Literal("arrival"),
  hostId: Type.String(),
  machine: Type.String({ maxLength: 64 }),
  proof: Type.Optional(
    Type.String({ maxLength: 64, description: "that it has the secret of the host, for this site: `arrivalProof`" }),
  ),
  serialNumber: Type.Optional(Type.String({ maxLength: 64 })),
  uuid: Type.Optional(Type.String({ maxLength: 36 })),
  at: Type.Integer(),
});
export type ArrivalEntry = Static<typeof ArrivalEntry>;

/** For a hub that was restored: a row of the feed as the site holds it. */
export const ReplicaRowEntry = Type.Object({
  type: Type.Literal("replica-row"),
  scope: Type.Union([Type.Literal("tenant"), Type.Literal("site")]),
  kind: Type.String(),
  id: Type.String(),
  body: Observed,
});
export type ReplicaRowEntry = Static<typeof ReplicaRowEntry>;

/** For a hub that was restored: a machine that the site let go, as the row of it asked that it held then. */
export const LetGoEntry = Type.Object({
  type: Type.Literal("let-go"),
  kind: Type.String(),
  id: Type.String(),
  reason: Type.Union([Type.Literal("deleted"), Type.Literal("moved")]),
  stamp: Type.String(),
  body: ResourceBody,
});
export type LetGoEntry = Static<typeof LetGoEntry>;

/** For a hub that was restored: the site has said all that it holds; `lineage` is the hub's lives that it knows, oldest first. */
export const RecoveredEntry = Type.Object({
  type: Type.Literal("recovered"),
  rows: Type.Integer({ minimum: 0 }),
  lineage: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 1_000 }),
});
export type RecoveredEntry = Static<typeof RecoveredEntry>;

export const UPLINK_ENTRIES = {
  state: StateEntry,
  create: CreateIntent,
  edit: EditIntent,
  delete: DeleteIntent,
  release: ReleaseEntry,
  "enrolment-used": EnrolmentUsed,
  event: EventEntry,
  command: CommandEntry,
  "hold-released": HoldReleased,
  credential: CredentialEntry,
  arrival: ArrivalEntry,
  "replica-row": ReplicaRowEntry,
  "let-go": LetGoEntry,
  recovered: RecoveredEntry,
} as const;

export type UplinkEntry = {
  [Name in keyof typeof UPLINK_ENTRIES]: Static<(typeof UPLINK_ENTRIES)[Name]>;
}[keyof typeof UPLINK_ENTRIES];

// What is said of a host goes after the intent that may have made it.
const LANE_OF: Record<UplinkEntry["type"], Lane> = {
  "replica-row": "recovery",
  "let-go": "recovery",
  recovered: "recovery",
  release: "outcome",
  "enrolment-used": "outcome",
  command: "outcome",
  "hold-released": "outcome",
  create: "intent",
  edit: "intent",
  delete: "intent",
  state: "state",
  credential: "state",
  arrival: "state",
  event: "event",
};

export function laneOf(entry: UplinkEntry): Lane {
  return LANE_OF[entry.type];
}
