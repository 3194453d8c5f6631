import type { AuthorityListener, Transaction } from "@holdfast/inventory";
import { isProjectRole } from "@holdfast/inventory/api/roles";
import { type AccessBody, type FeedScope, nameOfService, ROW, siteScope, tenantScope } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { AccessPort } from "../uplink/ports.ts";
import { isTime } from "../uplink/time.ts";
import { accessName } from "./actor.ts";
import { givenBack, opens, type WaitingToken, waitingTokens } from "./given-back.ts";
import { tellClosed } from "./history.ts";
import type { GivenBackRow, TokenRow } from "./tables.ts";
import { projectRolesIn } from "./token-grants.ts";

/**
 * Makes the feeds say which operators' tokens stand: a row in each tenant that a token opens, and none once it is revoked or
 * has expired. One that a site gave back stands in the site's own feed as well: it works there as it did, also before an
 * operator has confirmed it, and nowhere else. Returns how many tokens it had to show otherwise.
 */
export async function publishAccess(tx: Transaction, now: number): Promise<number> {
  const rows = await tx
    .tables<HubTables>()
    .selectFrom("token")
    .selectAll()
    .where("role", "in", ["read", "write"])
    .where((where) => where.or([where("revoked_at", "is", null), where("shown", "!=", "[]")]))
    .execute();
  // Nobody is let in any more by a project that is being deleted, and at its sites neither.
  const tenants = (await tx.tenants()).filter(({ frozen }) => frozen === undefined).map(({ id }) => id);
  const said = Map.groupBy(await givenBack(tx), ({ token }) => token);
  let changed = 0;
  for (const row of rows) if (await publish(tx, row, { tenants, said: said.get(row.id) ?? [], now })) changed += 1;
  return changed;
}

/** Where a token is to be seen: the id of a tenant, or the scope of a site. */
interface Place {
  readonly name: string;
  readonly scope: FeedScope;
  readonly tenant: string;
}

function placesOf(
  row: TokenRow,
  { tenants, said, now }: { tenants: readonly string[]; said: readonly GivenBackRow[]; now: number },
): readonly Place[] {
  if (row.roles !== null && projectRolesIn(row.roles).length === 0) return [];
  if (row.revoked_at !== null || (row.not_after !== null && now >= row.not_after)) return [];
  return [
    ...tenants.filter((tenant) => opens(row, tenant)).map((name) => ({ name, scope: tenantScope(name), tenant: name })),
    ...said
      .filter(({ tenant }) => tenants.includes(tenant))
      .map(({ site, tenant }) => ({ name: siteScope(site), scope: siteScope(site), tenant })),
  ];
}

async function publish(tx: Transaction, row: TokenRow, among: Parameters<typeof placesOf>[1]): Promise<boolean> {
  const shown: readonly string[] = JSON.parse(row.shown);
  const wanted = placesOf(row, among);
  const left = shown.filter((place) => !wanted.some(({ name }) => name === place));
  const entered = wanted.filter(({ name }) => !shown.includes(name));
  if (left.length === 0 && entered.length === 0) return false;
  for (const { scope, tenant } of entered) await tx.appendFeed(scope, ROW.access, row.id, bodyOf(tenant, row));
  for (const name of left) await tx.appendFeed(scopeOf(name), ROW.access, row.id, null);
  await tx
    .tables<HubTables>()
    .updateTable("token")
    .set({ shown: JSON.stringify(wanted.map(({ name }) => name)) })
    .where("id", "=", row.id)
    .execute();
  return true;
}

function scopeOf(place: string): FeedScope {
  return place.startsWith("site:") ? (place as FeedScope) : tenantScope(place);
}

function bodyOf(tenant: string, row: TokenRow): AccessBody {
  const { role, roles, hash, not_after: notAfter, offline_seconds } = row;
  if (role !== "read" && role !== "write") throw new TypeError(`a ${role}'s token opens nothing of operators'`);
  const known = { tenant, name: accessName(row), role, tokenHash: hash, notAfter, offlineSeconds: offline_seconds };
  return roles === null ? known : { ...known, roles: projectRolesIn(roles) };
}

/**
 * Operators whose tokens open every project are let in at the sites of a new one too, from its first moment; nobody is by one
 * that is being deleted. With a project go the tokens that opened nothing else.
 */
export function accessListener({ clock }: { clock: Pick<Clock, "now"> }): AuthorityListener {
  return {
    async tenantMade(tx) {
      await publishAccess(tx, clock.now());
    },
    async tenantFrozen(tx) {
      await publishAccess(tx, clock.now());
    },
    async tenantGone(tx, { id: tenant }) {
      const tables = tx.tables<HubTables>();
      const standing = tables
        .selectFrom("token")
        .selectAll()
        .where("role", "!=", "site")
        .where("revoked_at", "is", null);
      const at = clock.now();
      for (const row of await standing.orderBy("created_at").orderBy("id").execute()) {
        const opened: "all" | readonly string[] = JSON.parse(row.tenants);
        if (opened === "all" || !opened.includes(tenant)) continue;
        const left = opened.filter((each) => each !== tenant);
        await tellClosed(tx, row, { tenant, goes: left.length === 0 ? "too" : "on", at });
        const revoked = left.length === 0 ? { revoked_at: at } : {};
        await tables
          .updateTable("token")
          .set({ tenants: JSON.stringify(left), ...revoked })
          .where("id", "=", row.id)
          .execute();
      }
      await publishAccess(tx, at);
    },
  };
}

/**
 * Takes back an operator's token that the hub has lost and a site still holds (rule 20). A site could have made it: until an
 * operator confirms it, it opens that site and nothing at the hub or elsewhere. One that the hub itself gave out stays as it
 * is. Throws for one that another site gave back otherwise.
 */
export const recoverAccess: AccessPort["recoverAccess"] = async (tx, { id, body, origin }) => {
  const { site, tenant, now } = origin;
  if (body.tenant !== tenant) throw new Fault("PermissionDenied", "access: of another project");
  const tables = tx.tables<HubTables>();
  const known = await tables.selectFrom("token").selectAll().where("id", "=", id).executeTakeFirst();
  if (known && known.recovered_from === null) return;
  if (known && !isSame(known, body)) {
    throw new Fault("PermissionDenied", `access: ${known.recovered_from} has given ${id} back with another content`);
  }
  if (!known) await insertRecovered(tx, { id, body, site, now });
  await tables
    .insertInto("token_given_back")
    .values({ token: id, site, tenant, at: now })
    .onConflict((on) => on.columns(["token", "site"]).doUpdateSet({ tenant }))
    .execute();
  await publishAccess(tx, now);
};

/**
 * Lets a token that sites gave back open at the hub what they say that it opened; all that wait when none is named. Returns
 * those that waited.
 */
export async function confirmAccess(
  tx: Transaction,
  { id, now }: { readonly id?: string | undefined; readonly now: number },
): Promise<readonly WaitingToken[]> {
  const waiting = (await waitingTokens(tx)).filter(({ token }) => id === undefined || token.id === id);
  for (const { token, tenants } of waiting) {
    const opened: readonly string[] = JSON.parse(token.tenants);
    await tx
      .tables<HubTables>()
      .updateTable("token")
      .set({ tenants: JSON.stringify([...opened, ...tenants]) })
      .where("id", "=", token.id)
      .execute();
  }
  await publishAccess(tx, now);
  return waiting;
}

interface Recovered {
  readonly id: string;
  readonly body: AccessBody;
  readonly site: string;
  readonly now: number;
}

/** As long as the hub itself would give. */
const OFFLINE_MOST = 36_500 * 86_400;

async function insertRecovered(tx: Transaction, { id, body, site, now }: Recovered): Promise<void> {
  const { role, roles, tokenHash: hash, notAfter, offlineSeconds } = body;
  const service = nameOfService(body.name);
  const name = service ?? body.name;
  if (!/^token-[0-9a-f]{16}$/.test(id)) throw new Fault("InvalidArgument", "access: is no id of a token");
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new Fault("InvalidArgument", "access: tokenHash is no hash");
  if (!/^[A-Za-z0-9._@-]{1,64}$/.test(name)) throw new Fault("InvalidArgument", "access: name is none of an operator");
  if (notAfter !== null && !isTime(notAfter)) throw new Fault("InvalidArgument", "access: notAfter is no time");
  if (!isTime(offlineSeconds) || offlineSeconds > OFFLINE_MOST) {
    throw new Fault("InvalidArgument", `access: offlineSeconds is not from 0 to ${OFFLINE_MOST}`);
  }
  if (roles && !roles.every(isProjectRole))
    throw new Fault("InvalidArgument", "access: roles are not all of a project");
  const row = { id, hash, name, role, tenants: "[]", site: null, created_at: now };
  const may = {
    roles: roles ? JSON.stringify(roles) : null,
    fields: null,
    made_by: service === undefined ? null : `site:${site}`,
  };
  const ends = { not_after: notAfter, revoked_at: null, offline_seconds: offlineSeconds };
  await tx
    .tables<HubTables>()
    .insertInto("token")
    .values({ ...row, ...may, ...ends, shown: "[]", recovered_from: site })
    .execute();
}

function isSame(known: TokenRow, { name, role, roles, tokenHash, notAfter, offlineSeconds }: AccessBody): boolean {
  const end = known.not_after === null ? null : Number(known.not_after);
  return (
    known.hash === tokenHash &&
    known.role === role &&
    (known.roles === null ? undefined : known.roles) === (roles && JSON.stringify(roles)) &&
    accessName(known) === name &&
    end === notAfter &&
    Number(known.offline_seconds) === offlineSeconds
  );
}
