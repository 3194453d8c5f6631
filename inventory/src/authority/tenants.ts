import { isManaged, type Kind, type Resource, tenantScope } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { authorOf } from "../author.ts";
import type { Tenant, Transaction } from "../store/contract.ts";
import { FieldFault } from "../store/faults.ts";
import { deletedState } from "./desired-state.ts";
import { erase, setFields } from "./intent-writes.ts";
import type { Write } from "./write.ts";

/** Makes a tenant, with its history and its place in the feed. Throws AlreadyExists when its name or id is taken. */
export async function makeTenant(
  tx: Transaction,
  { id, name }: Pick<Tenant, "id" | "name">,
  write: Write,
): Promise<Tenant> {
  if (name.length < 1 || name.length > 100) {
    throw new FieldFault("InvalidArgument", ["name"], "a tenant's name has 1 to 100 characters");
  }
  const tenant = { id, name };
  await tx.insertTenant(tenant);
  await tx.appendChange({ ...subjectOf(id, write), operation: "create", before: null, after: { name } });
  await tx.appendFeed(tenantScope(id), "tenant", id, { name });
  for (const listener of write.told) await listener.tenantMade?.(tx, tenant);
  return tenant;
}

/** From now on the authority takes nothing new for a tenant. Throws NotFound; freezing twice changes nothing. */
export async function freezeTenant(tx: Transaction, id: string, write: Write): Promise<void> {
  const tenant = await tx.tenant(id);
  if (tenant?.id !== id) throw new Fault("NotFound", `tenant ${id} not found`);
  if (tenant.frozen !== undefined) return;
  await tx.freezeTenant(id, write.at);
  const change = { before: { frozen: null }, after: { frozen: write.at } };
  await tx.appendChange({ ...subjectOf(id, write), operation: "update", ...change });
  // Its sites and whoever watches from beside learn of it.
  await tx.appendFeed(tenantScope(id), "tenant", id, { name: tenant.name, frozen: write.at });
  for (const listener of write.told) await listener.tenantFrozen?.(tx, tenant);
}

/** Removes a frozen tenant of which no resource is left. Its history stays. Throws FailedPrecondition otherwise. */
export async function endTenant(tx: Transaction, id: string, write: Write): Promise<void> {
  const tenant = await tx.tenant(id);
  if (tenant?.id !== id) return;
  if (tenant.frozen === undefined) throw new Fault("FailedPrecondition", `tenant ${id} is not frozen`);
  await tx.deleteTenant(id);
  await tx.appendChange({ ...subjectOf(id, write), operation: "delete", before: { name: tenant.name }, after: null });
  for (const listener of write.told) await listener.tenantGone?.(tx, tenant);
}

/** Throws FailedPrecondition for a tenant that is frozen. */
export async function refuseFrozenTenant(tx: Transaction, id: string): Promise<void> {
  const tenant = await tx.tenant(id);
  if (tenant?.frozen !== undefined) throw frozenTenant(tenant);
}

/** The refusal of whatever is new to a frozen tenant. */
export function frozenTenant({ name }: Pick<Tenant, "name">): Fault {
  return new Fault("FailedPrecondition", `project ${name} is being deleted: nothing new is taken for it`);
}

export interface Clearing {
  readonly tenant: string;
  /** How many resources are removed at most, or asked for. */
  readonly limit: number;
  /** Whether a site is not waited for: what it manages is removed at once. */
  readonly passedOver: (site: string) => boolean;
}

/**
 * Takes out resources of a kind: those that nothing refers to go at once, of a machine its site is asked to let go. Returns
 * how many were taken out or asked for; 0 when all that is left is waited for. What is waited for is not read: it costs next to
 * nothing to ask again.
 */
export async function clearKind(tx: Transaction, kind: Kind, clearing: Clearing, write: Write): Promise<number> {
  let done = 0;
  for await (const resource of notWaitedFor(tx, kind, clearing)) {
    if (await takeOut(tx, kind, resource, { clearing, write })) done += 1;
    if (done >= clearing.limit) break;
  }
  return done;
}

const LOOKED_AT = 200;

/** What is left of a kind but what its sites have been asked to let go of and are waited for. */
async function* notWaitedFor(tx: Transaction, kind: Kind, clearing: Clearing): AsyncGenerator<Resource> {
  const { tenant, limit } = clearing;
  const asked = await askedOfSites(tx, kind, clearing);
  const atOnce = Math.min(limit, LOOKED_AT);
  for (let after = ""; ; ) {
    const rows = await tx.rows<{ id: string }>(
      `select resource_id as id from ${kind.name} where tenant_id = ? and resource_id > ?${asked.but}
        order by resource_id limit ?`,
      [tenant, after, ...asked.values, atOnce],
    );
    for (const { id } of rows) {
      // What was taken out may have taken others along.
      const resource = await tx.get(kind, tenant, id);
      if (resource) yield resource;
    }
    const last = rows.at(-1);
    if (!last || rows.length < atOnce) return;
    after = last.id;
  }
}

interface But {
  readonly but: string;
  readonly values: readonly string[];
}

/** The condition that leaves out what is waited for: of one being deleted, its site, unless that is passed over. */
async function askedOfSites(tx: Transaction, kind: Kind, { tenant, passedOver }: Clearing): Promise<But> {
  const deleted = deletedState(kind);
  if (!isManaged(kind) || deleted === undefined) return { but: "", values: [] };
  const owners = await tx.rows<{ site: string }>(
    `select distinct owner_site as site from ${kind.name} where tenant_id = ? and owner_site is not null`,
    [tenant],
  );
  const waitedFor = owners.map(({ site }) => site).filter((site) => !passedOver(site));
  if (waitedFor.length === 0) return { but: "", values: [] };
  const places = waitedFor.map(() => "?").join(", ");
  return { but: ` and (desired_state = ? and owner_site in (${places})) is not true`, values: [deleted, ...waitedFor] };
}

/** Whether anything was done about it. */
async function takeOut(
  tx: Transaction,
  kind: Kind,
  resource: Resource,
  { clearing, write }: { clearing: Clearing; write: Write },
): Promise<boolean> {
  const { owner, tenant, resourceId } = resource;
  if ((await tx.referrers(kind, tenant, resourceId)).length > 0) return false;
  const desiredState = deletedState(kind);
  if (owner === undefined || desiredState === undefined || clearing.passedOver(owner)) {
    await erase(tx, kind, resource, write);
  } else {
    await setFields(tx, kind, resource, { fields: { desiredState }, write });
  }
  return true;
}

function subjectOf(id: string, { at, ...by }: Write) {
  return { ...authorOf(by), at, tenant: id, kind: "tenant", id };
}
