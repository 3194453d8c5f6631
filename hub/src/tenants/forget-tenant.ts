import type { Transaction } from "@holdfast/inventory";
import { type FeedScope, Site, siteScope, tenantScope } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";

/** What the hub keeps of a tenant beside its resources, in columns that are called so. */
const OF_TENANT = [
  "arrival",
  "host_alias",
  "enrolment",
  "open_conflict",
  "command",
  "hub_hold",
  "host_credential",
  "token_given_back",
  "recovery_claim",
] as const satisfies readonly (keyof HubTables)[];

interface InventoryTables {
  readonly feed: { readonly scope: FeedScope };
  readonly feed_scope: { readonly scope: FeedScope };
  readonly revision: { readonly tenant_id: string };
  readonly tombstone: { readonly tenant_id: string; readonly kind: string; readonly resource_id: string };
}

/**
 * Forgets what is kept of a tenant that is gone, but its history, that it was there, and which ids and writes it had: those
 * say to whoever still speaks of it that it is gone.
 */
export async function forgetTenant(tx: Transaction, tenant: string): Promise<void> {
  const tables = tx.tables<HubTables & InventoryTables>();
  await tables
    .deleteFrom("conflict_value")
    .where("conflict", "in", tables.selectFrom("open_conflict").select("id").where("tenant", "=", tenant))
    .execute();
  for (const table of OF_TENANT) await tables.deleteFrom(table).where("tenant", "=", tenant).execute();
  await tables.deleteFrom("revision").where("tenant_id", "=", tenant).execute();
  await tables.deleteFrom("project_step").where("tenant", "=", tenant).execute();
  const sites = await tables
    .selectFrom("tombstone")
    .select("resource_id")
    .where("tenant_id", "=", tenant)
    .where("kind", "=", Site.name)
    .execute();
  const scopes: FeedScope[] = [tenantScope(tenant)];
  for (const { resource_id: site } of sites) {
    await tables.deleteFrom("event").where("site", "=", site).execute();
    scopes.push(siteScope(site));
  }
  for (const scope of scopes) {
    await tables.deleteFrom("feed").where("scope", "=", scope).execute();
    await tables.deleteFrom("feed_scope").where("scope", "=", scope).execute();
  }
}
