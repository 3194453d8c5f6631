import { type Author, audit, HUB_WIDE, type Transaction } from "@holdfast/inventory";
import type { HubTables } from "../tables.ts";
import type { WaitingToken } from "./given-back.ts";
import type { TokenRow } from "./tables.ts";

type Shown = Pick<TokenRow, "id" | "name" | "role" | "roles" | "fields" | "tenants" | "site" | "not_after">;

/** Who did it, the hub by itself when absent, and when. */
interface Doing {
  readonly by?: Author | undefined;
  readonly at: number;
}

const HUB: Author = { actor: "hub" };

/**
 * The audit log tells of a token that was made, in each project that it opens, and there of no other project; its secret and
 * the hash of that are not told.
 */
export async function tellMade(tx: Transaction, row: Shown, { by = HUB, at }: Doing): Promise<void> {
  for (const tenant of chainsOf(row.tenants)) {
    const after = shownOf(row, tenant);
    await audit(tx, { by, at, tenant, kind: "token", id: row.id, operation: "create", after });
  }
}

export async function tellRevoked(tx: Transaction, id: string, { by = HUB, at }: Doing): Promise<void> {
  const row = await tx.tables<HubTables>().selectFrom("token").selectAll().where("id", "=", id).executeTakeFirst();
  if (!row) return;
  for (const tenant of chainsOf(row.tenants)) {
    await audit(tx, { by, at, tenant, kind: "token", id, operation: "delete", before: shownOf(row, tenant) });
  }
}

/** A project is gone: its log tells whether the token that opened it is gone with it, or opens other projects still. */
export async function tellClosed(
  tx: Transaction,
  row: Shown,
  { tenant, goes, at }: { readonly tenant: string; readonly goes: "on" | "too"; readonly at: number },
): Promise<void> {
  const act =
    goes === "too"
      ? { operation: "delete" as const, before: shownOf(row, tenant) }
      : { operation: "update" as const, before: { tenants: [tenant] }, after: { tenants: [] } };
  await audit(tx, { by: HUB, at, tenant, kind: "token", id: row.id, ...act });
}

/** An operator has let tokens that sites gave back open the projects that the sites say. */
export async function tellConfirmed(
  tx: Transaction,
  confirmed: readonly WaitingToken[],
  { by = HUB, at }: Doing,
): Promise<void> {
  for (const { token, said, tenants } of confirmed) {
    for (const tenant of tenants) {
      const givenBackBy = said.filter((each) => each.tenant === tenant).map(({ site }) => site);
      const after = { name: token.name, role: token.role, tenants: [tenant], givenBackBy };
      await audit(tx, { by, at, tenant, kind: "token", id: token.id, operation: "update", after });
    }
  }
}

/** The projects whose log tells of a token; the hub's own when it opens all. */
function chainsOf(tenants: string): readonly string[] {
  const opened = JSON.parse(tenants) as "all" | readonly string[];
  return opened === "all" || opened.length === 0 ? [HUB_WIDE] : opened;
}

function shownOf({ name, role, roles, fields, tenants, site, not_after }: Shown, chain: string) {
  const until = not_after === null ? null : Number(not_after);
  const may = {
    ...(roles === null ? {} : { roles: JSON.parse(roles) }),
    ...(fields === null ? {} : { fields: JSON.parse(fields) }),
  };
  return {
    name,
    role,
    ...may,
    tenants: chain === HUB_WIDE ? (JSON.parse(tenants) as unknown) : [chain],
    ...(site === null ? {} : { site }),
    notAfter: until,
  };
}
