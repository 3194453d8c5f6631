import { FieldFault } from "@holdfast/inventory";
import { deletedState } from "@holdfast/inventory/authority/desired-state";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Kind, Resource } from "@holdfast/protocol/kinds/kind";
import { Fault } from "@holdfast/runtime";

type Fields = Readonly<Record<string, unknown>>;

/** Throws PermissionDenied for a kind whose resources are made, changed and deleted at the hub alone (rule 12). */
export function refuseHubsOwn(kind: Kind): void {
  if (kind.atSites) return;
  throw new Fault("PermissionDenied", `a ${kind.name} is made, changed and deleted at the hub`);
}

/** Throws PermissionDenied, naming the field, for what would follow no machine: at a site nothing is made for all of them. */
export function refuseUnfollowing(kind: Kind, fields: Fields): void {
  const { follows } = kind;
  if (follows === undefined || fields[follows] !== undefined) return;
  const target = kind.fields[follows]?.reference?.kind ?? "machine";
  throw new FieldFault("PermissionDenied", [follows], `${follows}: at a site it must name a ${target} of the site`);
}

/** The site of a host that is made at a site. Throws PermissionDenied when it shall be another's. */
export function siteOfNewHost(site: string, wanted: unknown): string {
  if (wanted === undefined || wanted === site) return site;
  throw new FieldFault("PermissionDenied", ["siteId"], `siteId: a site makes hosts for itself alone, this is ${site}`);
}

/**
 * The fields in the order in which they are to be journalled, for the hub takes them one by one: nothing else of a host may be
 * wanted before it is claimed, and a time that is moved may at no step end before it begins.
 */
export function inOrder(before: Fields, fields: Fields): [field: string, value: unknown][] {
  const end = Object.hasOwn(fields, "endSeconds") ? Number(fields.endSeconds ?? Number.POSITIVE_INFINITY) : 0;
  const first = end > Number(before.startSeconds ?? 0) ? ["siteId", "endSeconds"] : ["siteId", "startSeconds"];
  const rank = ([name]: [string, unknown]) => (first.includes(name) ? first.indexOf(name) : first.length);
  return Object.entries(fields).toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Throws PermissionDenied, naming the field, when a change of a machine is not the site's to make: of one that another site
 * manages or that is on its way to another (rule 14), of one that no site manages unless it claims it, and when it moves or
 * deletes a host (rule 12). `host` is the machine that decides who manages it, for a host the host itself.
 */
export function refuseNotOurs(
  site: string,
  kind: Kind,
  { host, fields }: { host: Pick<Resource, "owner" | "resourceId" | "fields">; fields: Fields },
): void {
  const [field = kind.name] = Object.keys(fields);
  const refuse = (name: string, why: string) => new FieldFault("PermissionDenied", [name], `${name}: ${why}`);
  const { owner, resourceId: id } = host;
  const isHost = kind.name === Host.name;
  if (owner === undefined) {
    if (isHost && fields.siteId === site) return;
    throw refuse(field, `${id} is at no site: claim it by setting its siteId to ${site}, or write at the hub`);
  }
  if (owner !== site) throw refuse(field, `${id} is managed by ${owner}: write there or at the hub`);
  const wantedAt = (host.fields as Fields).siteId;
  if (wantedAt !== site) {
    throw refuse(field, `${id} is moving to ${wantedAt ?? "no site"}: write there or at the hub`);
  }
  if (!isHost) return;
  if (Object.hasOwn(fields, "siteId")) throw refuse("siteId", "hosts are moved at the hub");
  if (fields.desiredState === deletedState(kind)) throw refuse("desiredState", "hosts are deleted at the hub");
}
