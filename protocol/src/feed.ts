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

/** Where in a scope's log a row stands. */
export interface FeedPosition {
  readonly scope: FeedScope;
  readonly seq: number;
}

/** Who wrote an intent field last: an id of that write, the hub's epoch, and the resource's generation then. */
export const Stamp = Type.Object({ id: Type.String(), epoch: Type.String(), generation: Type.Integer() });
export type Stamp = Static<typeof Stamp>;

/** Body of a row of a resource kind: its intent, without the observations that came from the site. */
export const ResourceBody = Type.Object({
  tenant: Type.String(),
  generation: Type.Integer(),
  createdAt: Type.Integer({ description: "milliseconds since the epoch, hub's clock" }),
  updatedAt: Type.Integer({ description: "milliseconds since the epoch, hub's clock" }),
  creation: Type.Optional(Type.String({ description: "id of the creation; two creations never share it" })),
  owner: Type.Optional(Type.String({ description: "the site that manages this machine now" })),
  stamps: Type.Record(Type.String(), Stamp),
  fields: Type.Record(Type.String(), Type.Unknown()),
});
export type ResourceBody = Static<typeof ResourceBody>;

/** Body of a row of kind `enrolment`, in a site's scope: a one-time token by which one machine may be admitted. */
export const EnrolmentBody = Type.Object({
  tenant: Type.String(),
  tokenHash: Type.String({ description: "SHA-256 of the token, hex" }),
  notAfter: Type.Integer({ description: "milliseconds since the epoch" }),
  hostId: Type.Optional(Type.String({ description: "the one host that the token admits; any when absent" })),
});
export type EnrolmentBody = Static<typeof EnrolmentBody>;
