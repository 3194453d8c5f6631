import { FieldFault } from "@holdfast/inventory";
import { deletedState } from "@holdfast/inventory/authority/desired-state";
import { Host } from "@holdfast/protocol/kinds/host";
import type { Kind, Resource } from "@holdfast/protocol/kinds/kind";
import { Fault } from "@holdfast/runtime";

type Fields = Readonly<Record<string, unknown>>;

/** Throws PermissionDenied for a kind that all sites share: its resources are made, changed and deleted at the hub (rule 12). */
export function refuseShared(kind: Kind): void {
  if (kind.feed === "machine") return;
  throw new Fault("PermissionDenied", `every site shares a ${kind.name}: it is made, changed and deleted at the hub`);
}

/** The site of a host that is made at a site. Throws PermissionDenied when it shall be another's. */
export function siteOfNewHost(site: string, wanted: unknown): string {
  if (wanted === undefined || wanted === site) return site;
  throw new FieldFault("PermissionDenied", ["siteId"], `siteId: a site makes hosts for itself alone, this is ${site}`);
}

/** The fields in the order in which they are to be journalled: nothing else of a host may be wanted before it is claimed. */
export function inOrder(fields: Fields): [field: string, value: unknown][] {
  const first = ([name]: [string, unknown]) => (name === "siteId" ? 0 : 1);
  return Object.entries(fields).toSorted((a, b) => first(a) - first(b));
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
