import type { AuthorityListener, Transaction } from "@holdfast/inventory";
import { type AccessBody, ROW, tenantScope } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import type { AccessPort } from "../recovery/ports.ts";
import type { HubTables, TokenRow } from "../tables.ts";

/** For how long after the hub was last heard a site still takes an operator's token, unless its maker says otherwise. */
export const OFFLINE_SECONDS = 90 * 86_400;

/** How long a cut-off site takes a token, where it stands in the feeds, and which site gave it back after a disaster. */
export const accessColumns: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable("token")
      .addColumn("offline_seconds", "bigint", (column) => column.notNull().defaultTo(OFFLINE_SECONDS))
      .execute();
    await db.schema
      .alterTable("token")
      .addColumn("shown", "text", (column) => column.notNull().defaultTo("[]"))
      .execute();
    await db.schema.alterTable("token").addColumn("recovered_from", "text").execute();
  },
};

/**
 * Makes the feeds say which operators' tokens stand: a row in each tenant that a token opens, and none once it is revoked or
 * has expired. Returns how many tokens it had to show otherwise.
 */
export async function publishAccess(tx: Transaction, now: number): Promise<number> {
  const rows = await tx
    .tables<HubTables>()
    .selectFrom("token")
    .selectAll()
    .where("role", "!=", "site")
    .where((where) => where.or([where("revoked_at", "is", null), where("shown", "!=", "[]")]))
    .execute();
  const tenants = (await tx.tenants()).map(({ id }) => id);
  let changed = 0;
  for (const row of rows) if (await publish(tx, row, { tenants, now })) changed += 1;
  return changed;
}

async function publish(
  tx: Transaction,
  row: TokenRow,
  { tenants, now }: { tenants: readonly string[]; now: number },
): Promise<boolean> {
  const shown: readonly string[] = JSON.parse(row.shown);
  const stands = row.revoked_at === null && (row.not_after === null || now < row.not_after);
  const opened: "all" | readonly string[] = JSON.parse(row.tenants);
  const wanted = stands ? tenants.filter((tenant) => opened === "all" || opened.includes(tenant)) : [];
  const left = shown.filter((tenant) => !wanted.includes(tenant));
  const entered = wanted.filter((tenant) => !shown.includes(tenant));
  if (left.length === 0 && entered.length === 0) return false;
  for (const tenant of left) await tx.appendFeed(tenantScope(tenant), ROW.access, row.id, null);
  for (const tenant of entered) await tx.appendFeed(tenantScope(tenant), ROW.access, row.id, bodyOf(tenant, row));
  await tx
    .tables<HubTables>()
    .updateTable("token")
    .set({ shown: JSON.stringify(wanted) })
    .where("id", "=", row.id)
    .execute();
  return true;
}

function bodyOf(tenant: string, { name, role, hash, not_after: notAfter, offline_seconds }: TokenRow): AccessBody {
  if (role === "site") throw new TypeError("a site's token opens nothing of operators'");
  return { tenant, name, role, tokenHash: hash, notAfter, offlineSeconds: offline_seconds };
}

/** Operators whose tokens open every project are let in at the sites of a new one too, from its first moment. */
export function accessListener({ clock }: { clock: Pick<Clock, "now"> }): AuthorityListener {
  return {
    async tenantMade(tx) {
      await publishAccess(tx, clock.now());
    },
  };
}

/**
 * Takes back an operator's token that the hub has lost and a site still holds (rule 20): for the site's own tenant alone. One
 * that the hub knows stays as it is; one that came back from several sites opens the tenants of all of them.
 */
export const recoverAccess: AccessPort["recoverAccess"] = async (tx, { id, body, origin }) => {
  const { site, tenant, now } = origin;
  if (body.tenant !== tenant) throw new Fault("PermissionDenied", "access: of another project");
  const tokens = tx.tables<HubTables>();
  const known = await tokens.selectFrom("token").selectAll().where("id", "=", id).executeTakeFirst();
  if (known) {
    const opened: "all" | readonly string[] = JSON.parse(known.tenants);
    const isSame = known.recovered_from !== null && known.hash === body.tokenHash && known.role === body.role;
    if (!isSame || opened === "all" || opened.includes(tenant)) return;
    const tenants = JSON.stringify([...opened, tenant]);
    await tokens.updateTable("token").set({ tenants }).where("id", "=", id).execute();
  } else {
    await insertRecovered(tx, { id, body, site, tenant, now });
  }
  await publishAccess(tx, now);
};

interface Recovered {
  readonly id: string;
  readonly body: AccessBody;
  readonly site: string;
  readonly tenant: string;
  readonly now: number;
}

async function insertRecovered(tx: Transaction, { id, body, site, tenant, now }: Recovered): Promise<void> {
  const { name, role, tokenHash: hash, notAfter, offlineSeconds } = body;
  if (!/^token-[0-9a-f]{16}$/.test(id)) throw new Fault("InvalidArgument", "access: is no id of a token");
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new Fault("InvalidArgument", "access: tokenHash is no hash");
  if (!/^[A-Za-z0-9._@-]{1,64}$/.test(name)) throw new Fault("InvalidArgument", "access: name is none of an operator");
  const row = { id, hash, name, role, tenants: JSON.stringify([tenant]), site: null, created_at: now };
  const ends = { not_after: notAfter, revoked_at: null, offline_seconds: offlineSeconds };
  await tx
    .tables<HubTables>()
    .insertInto("token")
    .values({ ...row, ...ends, shown: "[]", recovered_from: site })
    .execute();
}
