import type { AuthorityListener, Transaction, View } from "@holdfast/inventory";
import { type ArrivalEntry, Host, type Resource } from "@holdfast/protocol";
import { arrivalProof, isProof } from "@holdfast/protocol/enrolment";
import type { HubTables } from "../tables.ts";
import type { Applied, Origin } from "../uplink/origin.ts";
import type { ArrivalPort } from "../uplink/ports.ts";

/** Machines that have shown up where they do not belong. */
export interface Arrivals extends ArrivalPort {
  /** A host that goes to where its machine is, or goes away, is misplaced no more. */
  readonly listener: AuthorityListener;
}

export function createArrivals(): Arrivals {
  return {
    arrived,
    isHome: forget,
    listener: {
      async written(tx, { kind, resource, fields }) {
        if (kind.name === Host.name && fields.includes("siteId")) await forgetIfWantedThere(tx, resource);
      },
      async moved(tx, { kind, after }) {
        if (kind.name === Host.name) await forgetIfWantedThere(tx, after);
      },
      async gone(tx, { kind, resource: { tenant, resourceId: id } }) {
        if (kind.name === Host.name) await forget(tx, { tenant, id });
      },
    },
  };
}

/** A machine is at a site that does not manage it. What cannot be its machine, or is no host of the tenant, is passed over. */
async function arrived(
  tx: Transaction,
  { entry, origin }: { readonly entry: ArrivalEntry; readonly origin: Origin },
): Promise<Applied> {
  const { tenant, site, now } = origin;
  const host = await tx.get(Host, tenant, entry.hostId);
  if (!host) return { result: "applied", reason: `${entry.hostId} is no host of this project` };
  if (belongsAt(host, site)) return { result: "applied", reason: `${entry.hostId} belongs at ${site}` };
  if (!(await isItsMachine(tx, host, { entry, site }))) {
    return { result: "applied", reason: `${entry.machine} is not the machine of ${entry.hostId}` };
  }
  const known = await arrivalOf(tx, tenant, entry.hostId);
  const since = known?.site === site ? known.since : now;
  const row = { site, machine: entry.machine, since, seen_at: now };
  await tx
    .tables<HubTables>()
    .insertInto("arrival")
    .values({ tenant, host: entry.hostId, ...row })
    .onConflict((on) => on.columns(["tenant", "host"]).doUpdateSet(row))
    .execute();
  return { result: "applied" };
}

/** It proves so by its secret; where no secret of it is known, its own word does, and only shows it to operators. */
async function isItsMachine(
  tx: Transaction,
  { tenant, resourceId: host }: Resource,
  { entry: { machine, proof = "" }, site }: { entry: ArrivalEntry; site: string },
): Promise<boolean> {
  const known = await tx
    .tables<HubTables>()
    .selectFrom("host_credential")
    .select(["hash", "machine"])
    .where("tenant", "=", tenant)
    .where("host", "=", host)
    .executeTakeFirst();
  if (!known) return true;
  return known.machine === machine && isProof(proof, arrivalProof(known.hash, { hostId: host, siteId: site }));
}

function belongsAt({ owner, fields }: Pick<Resource, "owner" | "fields">, site: string): boolean {
  const { siteId } = fields as { readonly siteId?: string };
  return owner === site || siteId === site;
}

function arrivalOf(view: View, tenant: string, host: string) {
  return view
    .tables<HubTables>()
    .selectFrom("arrival")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("host", "=", host)
    .executeTakeFirst();
}

async function forgetIfWantedThere(tx: Transaction, host: Resource): Promise<void> {
  const arrival = await arrivalOf(tx, host.tenant, host.resourceId);
  if (arrival && belongsAt(host, arrival.site)) await forget(tx, { tenant: host.tenant, id: host.resourceId });
}

async function forget(tx: Transaction, { tenant, id }: { tenant: string; id: string }): Promise<void> {
  const tables = tx.tables<HubTables>();
  await tables.deleteFrom("arrival").where("tenant", "=", tenant).where("host", "=", id).execute();
}
