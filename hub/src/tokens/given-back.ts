import type { View } from "@holdfast/inventory";
import type { HubTables } from "../tables.ts";
import type { GivenBackRow, TokenRow } from "./tables.ts";

/** What sites have said of operators' tokens, of one or of all. */
export function givenBack(view: Pick<View, "tables">, token?: string): Promise<GivenBackRow[]> {
  const all = view.tables<HubTables>().selectFrom("token_given_back").selectAll().orderBy("at").orderBy("site");
  return (token === undefined ? all : all.where("token", "=", token)).execute();
}

/** An operator's token that sites gave back, and that opens nothing at the hub for these projects until somebody says so. */
export interface WaitingToken {
  readonly token: TokenRow;
  /** Ids. */
  readonly tenants: readonly string[];
  readonly sites: readonly string[];
  /** Which site says so of which project. */
  readonly said: readonly Pick<GivenBackRow, "site" | "tenant">[];
}

/** The standing tokens of which sites say more than an operator has confirmed. */
export async function waitingTokens(view: Pick<View, "tables">): Promise<readonly WaitingToken[]> {
  const said = Map.groupBy(await givenBack(view), ({ token }) => token);
  if (said.size === 0) return [];
  const rows = await view
    .tables<HubTables>()
    .selectFrom("token")
    .selectAll()
    .where("recovered_from", "is not", null)
    .where("revoked_at", "is", null)
    .orderBy("created_at")
    .orderBy("id")
    .execute();
  return rows.flatMap((token) => {
    const left = (said.get(token.id) ?? []).filter(({ tenant }) => !opens(token, tenant));
    if (left.length === 0) return [];
    const tenants = [...new Set(left.map(({ tenant }) => tenant))];
    return [{ token, tenants, sites: left.map(({ site }) => site), said: left }];
  });
}

/** Whether a token opens a project at the hub. */
export function opens({ tenants }: Pick<TokenRow, "tenants">, tenant: string): boolean {
  const opened: "all" | readonly string[] = JSON.parse(tenants);
  return opened === "all" || opened.includes(tenant);
}
