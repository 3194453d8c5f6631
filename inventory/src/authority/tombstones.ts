import type { Kind, Resource } from "@holdfast/protocol";
import type { Transaction } from "../store/contract.ts";

/** What is kept of a resource that is gone, for ever: whoever still speaks of it must not bring it back (rule 15). */
export interface Tombstone {
  /** As they stood at its end; undefined for what went before they were kept. */
  readonly stamps: Resource["stamps"] | undefined;
}

interface Tables {
  readonly tombstone: {
    readonly tenant_id: string;
    readonly kind: string;
    readonly resource_id: string;
    readonly stamps: string | null;
  };
}

type Gone = Pick<Resource, "tenant" | "resourceId">;

export async function bury(tx: Transaction, kind: Kind, resource: Gone & Pick<Resource, "stamps">): Promise<void> {
  const stamps = JSON.stringify(resource.stamps);
  await tx
    .tables<Tables>()
    .insertInto("tombstone")
    .values({ tenant_id: resource.tenant, kind: kind.name, resource_id: resource.resourceId, stamps })
    .onConflict((on) => on.columns(["tenant_id", "kind", "resource_id"]).doUpdateSet({ stamps }))
    .execute();
}

export async function tombstoneOf(tx: Transaction, kind: Kind, gone: Gone): Promise<Tombstone | undefined> {
  const row = await tx
    .tables<Tables>()
    .selectFrom("tombstone")
    .select("stamps")
    .where("tenant_id", "=", gone.tenant)
    .where("kind", "=", kind.name)
    .where("resource_id", "=", gone.resourceId)
    .executeTakeFirst();
  return row && { stamps: row.stamps === null ? undefined : (JSON.parse(row.stamps) as Resource["stamps"]) };
}
