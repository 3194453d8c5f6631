import type { Transaction, View } from "@holdfast/inventory";
import { CredentialBody, ROW } from "@holdfast/protocol/feed";
import { Host } from "@holdfast/protocol/kinds/host";
import type { CredentialEntry } from "@holdfast/protocol/uplink";
import { sql } from "kysely";
import { Compile } from "typebox/compile";
import { siteTables } from "../database/tables.ts";

const shape = Compile(CredentialBody);

/** As the index says it; a parameter in the place of the number would not be recognised. */
const UNSEALED = sql<boolean>`sealed = 0`;

const NEWER_IN_FEED = `select row.id as host, row.body
  from replica_row row
    left join credential_word word on word.host = row.id
    left join credential held on held.host = row.id
  where row.kind = ? and row.body is not null and (word.host is null or row.seq > word.seq)
    and case when json_valid(row.body) then held.hash is null or held.hash <> row.body ->> 'hash' end
  order by row.seq`;

/** Notes what this site says of who may speak for a host; until the hub has taken it, no row of the feed says it better. */
export async function noteWord(transaction: Transaction, entry: CredentialEntry): Promise<void> {
  const { hostId: host, hash, machine, at } = entry;
  const word = { hash, machine, at, seq: null };
  await siteTables(transaction)
    .insertInto("credential_word")
    .values({ host, ...word })
    .onConflict((conflict) => conflict.column("host").doUpdateSet(word))
    .execute();
}

/** The hub has taken these words in; its feed had got as far as `position` then. A word said since is still to be taken. */
export async function wordsTaken(transaction: Transaction, hosts: readonly string[], position: number): Promise<void> {
  const tables = siteTables(transaction);
  for (const host of hosts) {
    const newer = await tables
      .selectFrom("outbox")
      .select("number")
      .where("key", "=", `credential/${host}`)
      .where(UNSEALED)
      .executeTakeFirst();
    if (newer) continue;
    await tables.updateTable("credential_word").set({ seq: position }).where("host", "=", host).execute();
  }
  if (hosts.length > 0) await forgetGone(transaction);
}

/** What the hub has taken of hosts that are not here any more: nobody is to be told of them again, and no row is older. */
async function forgetGone(transaction: Transaction): Promise<void> {
  await sql`delete from credential_word where seq is not null
    and not exists (select 1 from host where host.resource_id = credential_word.host)`.execute(siteTables(transaction));
}

/**
 * What this site has said before of machines that it manages, to be said to a hub that may have lost it: above all who may
 * not speak for a host any more.
 */
export async function wordsToRepeat(
  transaction: Transaction,
  of: { readonly site: string; readonly tenant: string },
): Promise<readonly CredentialEntry[]> {
  const words = await siteTables(transaction).selectFrom("credential_word").selectAll().orderBy("host").execute();
  const hosts = await transaction.getMany(
    Host,
    of.tenant,
    words.map(({ host }) => host),
  );
  return words
    .filter(({ host }) => hosts.get(host)?.owner === of.site)
    .map(({ host: hostId, hash, machine, at }) => ({ type: "credential", hostId, hash, machine, at }));
}

/**
 * Takes over by what the machines of this site's hosts are known, where the feed's row is newer than the site's own word: a
 * site with a new disk, or one that a host moved to, knows the machine by its old secret. Absence takes nothing away here.
 * Returns whether anything changed.
 */
export async function takeCredentials(
  transaction: Transaction,
  of: { readonly site: string; readonly tenant: string },
): Promise<boolean> {
  const tables = siteTables(transaction);
  const rows = await transaction.rows<{ host: string; body: string }>(NEWER_IN_FEED, [ROW.credential]);
  let changed = false;
  for (const { host, body } of rows) {
    const read: unknown = JSON.parse(body);
    if (!shape.Check(read) || !(await isManaged(transaction, of, host))) continue;
    const { hash, machine, at } = read;
    await tables
      .insertInto("credential")
      .values({ host, hash, machine, at })
      .onConflict((conflict) => conflict.column("host").doUpdateSet({ hash, machine, at }))
      .execute();
    changed = true;
  }
  return changed;
}

/** A host that is on its way out, or not shown yet, would be put out at once. */
async function isManaged(view: View, { site, tenant }: { site: string; tenant: string }, id: string): Promise<boolean> {
  const host = await view.get(Host, tenant, id);
  if (host?.owner !== site || host.fields.siteId !== site) return false;
  const { desiredState } = host.fields;
  return desiredState !== "HOST_STATE_DELETED" && desiredState !== "HOST_STATE_UNTRUSTED";
}
