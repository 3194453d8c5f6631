import { KINDS, type Kind, kindNamed, type Resource } from "@holdfast/protocol";
import type { Transaction } from "../store/contract.ts";

/** A resource with its kind. */
export interface Found {
  readonly kind: Kind;
  readonly resource: Resource;
}

type Following = Pick<Resource, "tenant"> & { readonly fields: Readonly<Record<string, unknown>> };

const ORDER = new Map(KINDS.map((kind, at) => [kind.name, at]));

/** What a resource follows; undefined when it follows nothing, or what is not there. */
export async function followedBy(
  tx: Transaction,
  kind: Kind,
  { tenant, fields }: Following,
): Promise<Found | undefined> {
  const id = kind.follows === undefined ? undefined : fields[kind.follows];
  const target = kindNamed(kind.fields[kind.follows ?? ""]?.reference?.kind ?? "");
  const resource = target && typeof id === "string" ? await tx.get(target, tenant, id) : undefined;
  return target && resource && { kind: target, resource };
}

/** The resource under the site that manages what it follows now. */
export async function asFollowing<R extends Resource>(tx: Transaction, kind: Kind, resource: R): Promise<R> {
  if (kind.follows === undefined) return resource;
  const { owner: _, ...rest } = resource;
  const owner = (await followedBy(tx, kind, resource))?.resource.owner;
  return (owner === undefined ? rest : { ...rest, owner }) as R;
}

/** All that follows a resource, and what follows that: what is referred to before what refers. */
export async function followersOf(tx: Transaction, kind: Kind, resource: Resource): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const follower of KINDS) {
    if (follower.follows === undefined || !follows(follower, kind)) continue;
    const wanted = { [follower.follows]: resource.resourceId };
    for (const each of await tx.find(follower, wanted, resource.tenant)) {
      found.push({ kind: follower, resource: each }, ...(await followersOf(tx, follower, each)));
    }
  }
  return found.toSorted((one, other) => orderOf(one) - orderOf(other));
}

/** Whether resources of a kind belong to whoever manages one of another. */
export function follows(kind: Kind, other: Kind): boolean {
  return kind.fields[kind.follows ?? ""]?.reference?.kind === other.name;
}

/** What is deleted with a resource. */
export async function goingAlong(tx: Transaction, kind: Kind, resource: Resource): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const other of KINDS) {
    for (const [name, { reference }] of Object.entries(other.fields)) {
      if (!reference?.goesAlong || reference.kind !== kind.name) continue;
      const along = await tx.find(other, { [name]: resource.resourceId }, resource.tenant);
      found.push(...along.map((each) => ({ kind: other, resource: each })));
    }
  }
  return found;
}

/** Whether resources of a kind are deleted with those of another that they refer to. */
export function goesAlongWith(kind: Kind, other: Kind): boolean {
  return Object.values(kind.fields).some(({ reference }) => reference?.goesAlong && reference.kind === other.name);
}

/** Whether resources of a kind only tell what was of another that they refer to. */
export function tellsPastOf(kind: Kind, other: Kind): boolean {
  const references = Object.values(kind.fields).flatMap(({ reference }) => reference ?? []);
  const meant = references.filter((reference) => reference.kind === other.name);
  return meant.length > 0 && meant.every(({ tellsPast }) => tellsPast);
}

function orderOf({ kind }: Found): number {
  return ORDER.get(kind.name) ?? KINDS.length;
}
