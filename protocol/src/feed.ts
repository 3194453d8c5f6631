import { type Static, Type } from "typebox";

/**
 * The feed is what a site must know, row by row: per scope a log in which only the newest row of each resource is kept.
 * The hub serves it as Electric shapes of the table `feed`, one shape a scope.
 */
export const FEED_TABLE = "feed";

/** A tenant's scope carries what all its sites share; a site's scope carries what only that site acts on. */
export type FeedScope = `tenant:${string}` | `site:${string}`;

export function tenantScope(tenant: string): FeedScope {
  return `tenant:${tenant}`;
}

export function siteScope(site: string): FeedScope {
  return `site:${site}`;
}

/** A hub shows at least so often that an answer it goes on giving is alive, milliseconds. */
export const KEEP_ALIVE_AT_LEAST_EVERY = 120_000;
/** Of what has brought nothing for so long, a sign of life that was late included, a site expects nothing any more. */
export const SILENT_AT_MOST = 150_000;

/** Where in a scope's log a row stands. */
export interface FeedPosition {
  readonly scope: FeedScope;
  readonly seq: number;
}

/** Who wrote an intent field last: an id of that write, the hub's epoch, and the resource's generation then. */
export const Stamp = Type.Object({
  id: Type.String(),
  epoch: Type.String(),
  generation: Type.Integer(),
  applyBefore: Type.Optional(
    Type.Integer({ description: "milliseconds since the epoch: from then on a site does not begin to act on it" }),
  ),
});
export type Stamp = Static<typeof Stamp>;

/** Body of a row of a resource kind: its intent, without the observations that came from the site. */
export const ResourceBody = Type.Object({
  tenant: Type.String(),
  generation: Type.Integer(),
  createdAt: Type.Integer({ description: "milliseconds since the epoch, hub's clock" }),
  updatedAt: Type.Integer({ description: "milliseconds since the epoch, hub's clock" }),
  creation: Type.Optional(Type.String({ description: "id of the creation; two creations never share it" })),
  owner: Type.Optional(Type.String({ description: "the site that manages this machine now" })),
  retired: Type.Optional(Type.Integer({ description: "milliseconds since the epoch: nobody is offered it since" })),
  stamps: Type.Record(Type.String(), Stamp),
  fields: Type.Record(Type.String(), Type.Unknown()),
});
export type ResourceBody = Static<typeof ResourceBody>;

/** Kinds of feed rows that are no resources of their own table at the site. */
export const ROW = {
  access: "access",
  enrolment: "enrolment",
  credential: "credential",
  command: "command",
  conflict: "conflict",
  hold: "hold",
  alias: "alias",
} as const;

/** Body of a row of kind `enrolment`, in a site's scope: a one-time token by which one machine may be admitted. */
export const EnrolmentBody = Type.Object({
  tenant: Type.String(),
  tokenHash: Type.String({ description: "SHA-256 of the token, hex" }),
  notAfter: Type.Integer({ description: "milliseconds since the epoch" }),
  hostId: Type.Optional(Type.String({ description: "the one host that the token admits; any when absent" })),
});
export type EnrolmentBody = Static<typeof EnrolmentBody>;

/**
 * Body of a row of kind `access`, in a tenant's scope, under the id of the token: an operator whom every site of the tenant
 * lets in by itself. The hash of a random token is no secret. A token that is revoked or has expired leaves the feed.
 */
export const AccessBody = Type.Object({
  tenant: Type.String(),
  name: Type.String({ description: "of the operator; of a program, with `service:` before it" }),
  role: Type.Union([Type.Literal("read"), Type.Literal("write")]),
  roles: Type.Optional(
    Type.Array(Type.String(), {
      description:
        "what it may do, when `role` does not say it all; a site that does not know one goes by `role`, which gives no more",
    }),
  ),
  tokenHash: Type.String({ description: "SHA-256 of the token, hex" }),
  notAfter: Type.Union([Type.Integer({ description: "milliseconds since the epoch" }), Type.Null()]),
  offlineSeconds: Type.Integer({
    description: "for how long after the hub was last heard a site still takes the token",
  }),
});
export type AccessBody = Static<typeof AccessBody>;

/** What a program's name begins with where an operator's could stand, whose names have no colon. */
const OF_SERVICE = "service:";

/** The name of a program as `AccessBody` holds it: it is nobody else's, also at a site that takes every name for an operator's. */
export function serviceName(name: string): string {
  return `${OF_SERVICE}${name}`;
}

/** The program's own name in that of an `AccessBody`; undefined of an operator. */
export function nameOfService(name: string): string | undefined {
  return name.startsWith(OF_SERVICE) ? name.slice(OF_SERVICE.length) : undefined;
}

/** What histories call whoever is let in by an `AccessBody`: `operator:alice`, `service:reports`. */
export function accessActor(name: string): string {
  return nameOfService(name) === undefined ? `operator:${name}` : name;
}

/**
 * Body of a row of kind `credential`, in a site's scope, under the host's id: by what the machine of a host is known. It goes
 * where its host goes, so that a machine speaks to its next site, or to a site with a new disk, without enrolling again.
 */
export const CredentialBody = Type.Object({
  tenant: Type.String(),
  hash: Type.String({ description: "SHA-256 of the machine's secret, hex" }),
  machine: Type.String({ description: "the machine's own creation id" }),
  at: Type.Integer({ description: "milliseconds since the epoch, clock of the site that admitted it" }),
});
export type CredentialBody = Static<typeof CredentialBody>;

/** One of the values that were wanted of one field. `write` is the id of the intent, which is that of the stamp it would set. */
export const ConflictValue = Type.Object({
  write: Type.String(),
  value: Type.Unknown({ description: "null: unset; of a conflict about a whole resource: its fields" }),
  by: Type.String({ description: "`hub`, or the id of the site at which it was wanted" }),
  actor: Type.String(),
  at: Type.Integer({ description: "milliseconds since the epoch, clock of where it was wanted" }),
  standing: Type.Boolean({ description: "the hub shows this one" }),
  reason: Type.Optional(Type.String({ description: "why it could not simply apply" })),
});
export type ConflictValue = Static<typeof ConflictValue>;

/**
 * Body of a row of kind `conflict`, in the scope of the site that manages the resource and of each site that wanted one of
 * the values. There is one open conflict per resource and field; while it is open nobody acts on that field.
 */
export const ConflictBody = Type.Object({
  tenant: Type.String(),
  kind: Type.String(),
  resourceId: Type.String(),
  field: Type.Union([Type.String(), Type.Null()], { description: "null: whether the resource exists, and as what" }),
  openedAt: Type.Integer({ description: "milliseconds since the epoch, hub's clock" }),
  values: Type.Array(ConflictValue),
});
export type ConflictBody = Static<typeof ConflictBody>;

/**
 * Why disruptive commands wait for an operator's word. `entries-missing`: the hub lacks what the site had from it in writing,
 * and nothing proves which of the two was put back.
 */
export const HOLD_REASONS = [
  "hub-restored",
  "hub-rolled-back",
  "hub-recovered",
  "site-disk-lost",
  "site-rolled-back",
  "entries-missing",
] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

/** Body of a row of kind `hold`, in a site's scope, under the site's id: nothing disruptive is done there until it is released. */
export const HoldBody = Type.Object({
  tenant: Type.String(),
  hold: Type.String({ description: "id of this hold; a later one at the same site has another" }),
  reason: Type.Unsafe<HoldReason>({ type: "string", enum: [...HOLD_REASONS] }),
  since: Type.Integer({ description: "milliseconds since the epoch, hub's clock" }),
});
export type HoldBody = Static<typeof HoldBody>;

/** What can be asked of a machine once. `disruptive` ones interrupt what it does, and are held after a disaster. */
export const COMMANDS = {
  identify: { disruptive: false },
  rescan: { disruptive: false },
  reset: { disruptive: true },
  "power-cycle": { disruptive: true },
} as const;
export type CommandName = keyof typeof COMMANDS;
export const CommandName = Type.Unsafe<CommandName>({ type: "string", enum: Object.keys(COMMANDS) });

/**
 * Body of a row of kind `command`, in a site's scope, under the command's id: something to be done once, by this life of
 * the site, and not after a time. The row goes when the command has ended.
 */
export const CommandBody = Type.Object({
  tenant: Type.String(),
  hostId: Type.String(),
  command: CommandName,
  incarnation: Type.Integer({ description: "of the site, as the hub knew it when the command was given" }),
  issuedAt: Type.Integer({ description: "milliseconds since the epoch, hub's clock" }),
  notAfter: Type.Integer({ description: "milliseconds since the epoch" }),
  actor: Type.String(),
});
export type CommandBody = Static<typeof CommandBody>;

/** Body of a row of kind `alias`, in a site's scope, under the id that is no more: the same machine is known as another. */
export const AliasBody = Type.Object({ tenant: Type.String(), kind: Type.String(), of: Type.String() });
export type AliasBody = Static<typeof AliasBody>;
