import type { ResourceBody } from "@holdfast/protocol";
import {
  type FeedPosition,
  type FeedScope,
  isManaged,
  type Kind,
  type Resource,
  siteScope,
  tenantScope,
} from "@holdfast/protocol";
import type { Transaction } from "../store/contract.ts";

/** The scope that shows a resource: the site alone that manages it, otherwise every site of the tenant. */
export function scopeOf(kind: Kind, { tenant, owner }: Pick<Resource, "tenant" | "owner">): FeedScope {
  return isManaged(kind) && owner !== undefined ? siteScope(owner) : tenantScope(tenant);
}

/** What a site is told of a resource: its intent, without secrets and without what sites observed. */
export function bodyOf(kind: Kind, resource: Resource): ResourceBody {
  const { tenant, generation, createdAt, updatedAt, creation, owner, stamps, retired } = resource;
  return {
    ...{ tenant, generation, createdAt, updatedAt, creation, stamps: { ...stamps } },
    ...(owner === undefined ? {} : { owner }),
    ...(retired === undefined ? {} : { retired }),
    fields: intentOf(kind, resource.fields),
  };
}

/** The fields that operators and the hub write, without secrets. */
export function intentOf(kind: Kind, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => {
      const field = kind.fields[name];
      return value !== undefined && field && field.owner !== "site" && !field.secret;
    }),
  );
}

/** Shows a resource in its scope as it is now. */
export async function publish(tx: Transaction, kind: Kind, resource: Resource): Promise<FeedPosition> {
  const scope = scopeOf(kind, resource);
  return { scope, seq: await tx.appendFeed(scope, kind.name, resource.resourceId, bodyOf(kind, resource)) };
}

/** Says in its scope that a resource is gone. */
export async function withdraw(tx: Transaction, kind: Kind, resource: Resource): Promise<FeedPosition> {
  const scope = scopeOf(kind, resource);
  return { scope, seq: await tx.appendFeed(scope, kind.name, resource.resourceId, null) };
}

/** Where the newest row of a resource stands in its scope's feed; undefined when it was never shown there. */
export async function positionOf(
  tx: Transaction,
  kind: Kind,
  resource: Pick<Resource, "tenant" | "owner" | "resourceId">,
): Promise<FeedPosition | undefined> {
  const scope = scopeOf(kind, resource);
  const row = await tx
    .tables<{ feed: { scope: string; kind: string; id: string; seq: number } }>()
    .selectFrom("feed")
    .select("seq")
    .where("scope", "=", scope)
    .where("kind", "=", kind.name)
    .where("id", "=", resource.resourceId)
    .executeTakeFirst();
  return row && { scope, seq: Number(row.seq) };
}
