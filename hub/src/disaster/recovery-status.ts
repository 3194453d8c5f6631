import { EVERY_TENANT, type View } from "@holdfast/inventory";
import { Host, Instance, KINDS, Site } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import { waitingTokens } from "../tokens/given-back.ts";
import { claimsIn, recoveringSince } from "./claims.ts";

/** How far a site has got that a recovering hub knows of. */
export interface SiteProgress {
  readonly site: string;
  readonly name: string;
  /**
   * `told`: it has said all that it holds. `telling`: it was let in. `waiting`: for an operator. `silent`: another site knows
   * it, and it has made no claim.
   */
  readonly state: "told" | "telling" | "waiting" | "silent";
  readonly hosts: number;
  readonly instances: number;
  /** Of its rows, those that wait for others, and those that could not be taken. */
  readonly parked: number;
  readonly quarantined: number;
}

export interface RecoveryProgress {
  readonly since: number | undefined;
  /** How many there are, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  readonly operators: number;
  /** Of their tokens, the ids of those that sites gave back and nobody has confirmed. */
  readonly unconfirmed: readonly string[];
  readonly openConflicts: number;
  readonly sites: readonly SiteProgress[];
}

/** What has come back so far. */
export async function recoveryProgress(view: View): Promise<RecoveryProgress> {
  const resources: Record<string, number> = {};
  for (const kind of KINDS) resources[kind.name] = (await view.list(kind, { tenant: EVERY_TENANT, limit: 1 })).total;
  const tables = view.tables<HubTables>();
  const operators = await tables.selectFrom("token").select("id").where("role", "<>", "site").execute();
  const conflicts = await tables.selectFrom("open_conflict").select("id").execute();
  return {
    since: await recoveringSince(view),
    resources,
    operators: operators.length,
    unconfirmed: (await waitingTokens(view)).map(({ token }) => token.id),
    openConflicts: conflicts.length,
    sites: await sitesOf(view),
  };
}

async function sitesOf(view: View): Promise<SiteProgress[]> {
  const tables = view.tables<HubTables>();
  const epoch = await view.setting("epoch");
  const names = new Map<string, string>();
  for (const claim of await claimsIn(view)) names.set(claim.site, claim.site_name);
  for (const { resourceId, fields } of (await view.list(Site, { tenant: EVERY_TENANT })).resources)
    names.set(resourceId, fields.name ?? "");
  const claims = await claimsIn(view);
  const told = await tables
    .selectFrom("site_recovery")
    .select("site")
    .where("epoch", "=", epoch ?? "")
    .execute();
  const parked = await tables.selectFrom("recovery_waiting").select("site").execute();
  const quarantined = await tables.selectFrom("quarantine").select("site").execute();
  const count = (rows: readonly { readonly site: string }[], site: string) =>
    rows.filter((row) => row.site === site).length;
  const progress = [];
  for (const [site, name] of [...names].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const own = claims.filter((claim) => claim.site === site);
    progress.push({
      ...{ site, name },
      state: stateOf({
        told: count(told, site) > 0,
        let: own.some((claim) => claim.accepted_at !== null),
        claims: own.length,
      }),
      hosts: (await view.find(Host, { owner: site }, EVERY_TENANT)).length,
      instances: (await view.find(Instance, { owner: site }, EVERY_TENANT)).length,
      parked: count(parked, site),
      quarantined: count(quarantined, site),
    });
  }
  return progress;
}

function stateOf(site: { told: boolean; let: boolean; claims: number }): SiteProgress["state"] {
  if (site.told) return "told";
  if (site.let) return "telling";
  return site.claims > 0 ? "waiting" : "silent";
}
