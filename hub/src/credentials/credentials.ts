import { type AuthorityListener, missing, type Transaction } from "@holdfast/inventory";
import { type CredentialBody, type CredentialEntry, Host, type Resource, ROW, siteScope } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { Applied, Origin } from "../uplink/origin.ts";
import { isTime } from "../uplink/time.ts";
import type { HostCredentialRow } from "./tables.ts";

/**
 * By what the machine of each host is known: the hash of a secret that only the machine has. It stands in the feed of the
 * site that manages the host and moves with it, so that a machine is known at its next site, and at one with a new disk.
 */
export interface Credentials {
  /** What a site says of a host that it manages. Throws NotFound for a host that is not there. */
  reported(tx: Transaction, said: { readonly entry: CredentialEntry; readonly origin: Origin }): Promise<Applied>;
  /** The same from a row of the feed that the site holds, for a hub that may have lost it: taken if it is the later one. */
  recover(
    tx: Transaction,
    held: { readonly id: string; readonly body: CredentialBody; readonly origin: Origin },
  ): Promise<Applied>;
  /** Takes credentials along when hosts move, and out when they are gone. */
  readonly listener: AuthorityListener;
}

export function createCredentials(): Credentials {
  return {
    async reported(tx, { entry, origin }) {
      const { hostId, hash, machine, at } = entry;
      const host = await tx.get(Host, origin.tenant, hostId);
      if (!host && hash === null) return { result: "applied", reason: `${hostId} is gone` };
      if (managerOf(host) !== origin.site) return notTheirs(origin, hostId);
      if (hash === null) await forget(tx, { ...origin, host: hostId });
      else await keep(tx, { tenant: origin.tenant, host: hostId, hash, machine, at }, origin.site);
      return { result: "applied" };
    },
    async recover(tx, { id, body, origin }) {
      if (managerOf(await tx.get(Host, origin.tenant, id)) !== origin.site) return notTheirs(origin, id);
      const known = await credentialOf(tx, origin.tenant, id);
      if (known && known.at >= body.at) return { result: "applied", reason: "the hub has a later one" };
      const { hash, machine, at } = body;
      await keep(tx, { tenant: origin.tenant, host: id, hash, machine, at }, origin.site);
      return { result: "applied" };
    },
    listener: {
      async moved(tx, { kind, before, after }) {
        if (kind.name !== Host.name || before.owner === after.owner) return;
        const row = await credentialOf(tx, after.tenant, after.resourceId);
        if (!row) return;
        if (before.owner !== undefined) await tx.appendFeed(siteScope(before.owner), ROW.credential, row.host, null);
        if (after.owner !== undefined) await publish(tx, row, after.owner);
      },
      async gone(tx, { kind, resource }) {
        if (kind.name !== Host.name) return;
        const { tenant, resourceId: host, owner: site } = resource;
        await forget(tx, { tenant, host, site });
      },
    },
  };
}

function managerOf(host: Resource | undefined): string | undefined {
  if (!host) throw missing(Host);
  return host.owner;
}

/** The site that manages it now says by what its machine is known (rule 14). */
function notTheirs({ site }: Origin, id: string): Applied {
  return { result: "applied", reason: `${site} does not manage ${id}` };
}

async function credentialOf(tx: Transaction, tenant: string, host: string): Promise<HostCredentialRow | undefined> {
  const row = await tx
    .tables<HubTables>()
    .selectFrom("host_credential")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("host", "=", host)
    .executeTakeFirst();
  return row && { ...row, at: Number(row.at) };
}

async function keep(tx: Transaction, row: HostCredentialRow, site: string): Promise<void> {
  const { hash, machine, at } = row;
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new Fault("InvalidArgument", "hash: is no SHA-256 in hex");
  if (machine.length > 64) throw new Fault("InvalidArgument", "machine: is no id of a machine");
  if (!isTime(at)) throw new Fault("InvalidArgument", "at: is no time");
  await tx
    .tables<HubTables>()
    .insertInto("host_credential")
    .values(row)
    .onConflict((on) => on.columns(["tenant", "host"]).doUpdateSet({ hash, machine, at }))
    .execute();
  await publish(tx, row, site);
}

async function publish(tx: Transaction, { host, ...rest }: HostCredentialRow, site: string): Promise<void> {
  const body: CredentialBody = rest;
  await tx.appendFeed(siteScope(site), ROW.credential, host, body);
}

async function forget(
  tx: Transaction,
  { tenant, host, site }: { readonly tenant: string; readonly host: string; readonly site: string | undefined },
): Promise<void> {
  const { numDeletedRows } = await tx
    .tables<HubTables>()
    .deleteFrom("host_credential")
    .where("tenant", "=", tenant)
    .where("host", "=", host)
    .executeTakeFirst();
  if (numDeletedRows > 0n && site !== undefined) await tx.appendFeed(siteScope(site), ROW.credential, host, null);
}
