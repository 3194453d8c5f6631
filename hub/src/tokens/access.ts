import type { AuthorityListener, Transaction } from "@holdfast/inventory";
import { type AccessBody, type FeedScope, ROW, siteScope, tenantScope } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { AccessPort } from "../uplink/ports.ts";
import { isTime } from "../uplink/time.ts";
import { givenBack, opens, type WaitingToken, waitingTokens } from "./given-back.ts";
import type { GivenBackRow, TokenRow } from "./tables.ts";

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
    .where("role", "!=", "site")
    .where((where) => where.or([where("revoked_at", "is", null), where("shown", "!=", "[]")]))
    .execute();
  const tenants = (await tx.tenants()).map(({ id }) => id);
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
  if (row.revoked_at !== null || (row.not_after !== null && now >= row.not_after)) return [];
  return [
    ...tenants.filter((tenant) => opens(row, tenant)).map((name) => ({ name, scope: tenantScope(name), tenant: name })),
    ...said.map(({ site, tenant }) => ({ name: siteScope(site), scope: siteScope(site), tenant })),
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
  const { name, role, tokenHash: hash, notAfter, offlineSeconds } = body;
  if (!/^token-[0-9a-f]{16}$/.test(id)) throw new Fault("InvalidArgument", "access: is no id of a token");
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new Fault("InvalidArgument", "access: tokenHash is no hash");
  if (!/^[A-Za-z0-9._@-]{1,64}$/.test(name)) throw new Fault("InvalidArgument", "access: name is none of an operator");
  if (notAfter !== null && !isTime(notAfter)) throw new Fault("InvalidArgument", "access: notAfter is no time");
  if (!isTime(offlineSeconds) || offlineSeconds > OFFLINE_MOST) {
    throw new Fault("InvalidArgument", `access: offlineSeconds is not from 0 to ${OFFLINE_MOST}`);
  }
  const row = { id, hash, name, role, tenants: "[]", site: null, created_at: now };
  const ends = { not_after: notAfter, revoked_at: null, offline_seconds: offlineSeconds };
  await tx
    .tables<HubTables>()
    .insertInto("token")
    .values({ ...row, ...ends, shown: "[]", recovered_from: site })
    .execute();
}

function isSame(known: TokenRow, { name, role, tokenHash, notAfter, offlineSeconds }: AccessBody): boolean {
  const end = known.not_after === null ? null : Number(known.not_after);
  return (
    known.hash === tokenHash &&
    known.role === role &&
    known.name === name &&
    end === notAfter &&
    Number(known.offline_seconds) === offlineSeconds
  );
}
