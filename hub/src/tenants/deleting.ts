import type { Authority, Transaction } from "@holdfast/inventory";
import { KINDS, type Kind, Site } from "@holdfast/protocol";
import type { HubTables } from "../tables.ts";
import type { KnownProject } from "./book.ts";
import { standAs } from "./listener.ts";
import { FORCED_AFTER, timeOf } from "./projects.ts";

/** How many resources go in one transaction: others write in between, and each of these takes a good millisecond. */
const AT_ONCE = 50;

/** From what refers to others on to what is referred to: nothing goes before what needs it. */
const ORDER: readonly Kind[] = KINDS.toReversed();

/** How far a deletion has got: on to the next step, to be looked at again later, or to revoke tokens first. */
export type Deletion =
  | { readonly is: "on" | "waiting" | "over" }
  | { readonly is: "revoke"; readonly tokens: readonly string[] };

export interface DeletingParts {
  readonly authority: Pick<Authority, "clearIn" | "endTenantIn">;
  /** Whether a site was ever heard: one that never was holds nothing. */
  readonly wasHeard: (site: string) => boolean;
}

/**
 * Takes the next step of a project's deletion, by what is left of it: broken off anywhere, it goes on from there. Its last
 * step is the end of the tenant.
 */
export async function deleteOn(
  tx: Transaction,
  { authority, wasHeard }: DeletingParts,
  { project, now }: { project: KnownProject; now: number },
): Promise<Deletion> {
  const { id: tenant, name } = project;
  const heard = await heardSites(tx);
  const passedOver = (site: string) => project.isForced || !(heard.has(site) || wasHeard(site));
  const clearing = { actor: "hub", tenant, limit: AT_ONCE, passedOver };
  const say = (what: string) =>
    standAs(tx, tenant, { state: "deleting", now, message: `Project ${name} DELETE is in progress: ${what}` });
  for (const kind of ORDER) {
    if (kind.name === Site.name) {
      const tokens = await siteTokens(tx, tenant);
      if (tokens.length > 0) return { is: "revoke", tokens };
    }
    if ((await authority.clearIn(tx, kind, clearing)) > 0) {
      await say(`${wordOf(kind)} are removed`);
      return { is: "on" };
    }
    const left = await leftOf(tx, kind, tenant);
    if (left.length === 0) continue;
    await say(waitingFor(project, kind, left));
    return { is: "waiting" };
  }
  await authority.endTenantIn(tx, { actor: "hub", tenant });
  return { is: "over" };
}

interface Left {
  readonly site: string | null;
  readonly count: number;
}

function waitingFor({ deletingSince = 0 }: KnownProject, kind: Kind, left: readonly Left[]): string {
  const said = left.map(
    ({ site, count }) => `${site ?? "nobody"} to let go of ${count} ${wordOf(kind, Number(count))}`,
  );
  const forced = `asked for since ${timeOf(deletingSince)}, may be forced from ${timeOf(deletingSince + FORCED_AFTER)} on`;
  return `waiting for ${said.join(", ")} (${forced})`;
}

/** What is left of a kind, by the site that manages it. */
async function leftOf(tx: Transaction, kind: Kind, tenant: string): Promise<readonly Left[]> {
  const site = kind.feed === "machine" ? "owner_site" : "null";
  const rows = await tx.rows<Left>(
    `select ${site} as site, count(*) as count from ${kind.name} where tenant_id = ? group by 1 order by 1`,
    [tenant],
  );
  return rows.filter(({ count }) => Number(count) > 0);
}

function wordOf(kind: Kind, count = 2): string {
  return `${kind.name.replaceAll("_", " ")}${count === 1 ? "" : "s"}`;
}

async function heardSites(tx: Transaction): Promise<ReadonlySet<string>> {
  const rows = await tx.rows<{ site: string }>(
    "select site from uplink_stream union select site from site_contact",
    [],
  );
  return new Set(rows.map(({ site }) => site));
}

async function siteTokens(tx: Transaction, tenant: string): Promise<readonly string[]> {
  const rows = await tx
    .tables<HubTables>()
    .selectFrom("token")
    .select("id")
    .where("role", "=", "site")
    .where("tenants", "=", JSON.stringify([tenant]))
    .where("revoked_at", "is", null)
    .execute();
  return rows.map(({ id }) => id);
}
