import { Host, isManaged, type Kind, type Resource, Site } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Transaction } from "../store/contract.ts";
import { initialFields } from "./create.ts";
import { isBeingDeleted } from "./desired-state.ts";
import { publish } from "./feed-rows.ts";
import { followedBy } from "./following.ts";
import {
  byWrite,
  type FieldConflict,
  heldFields,
  heldStamps,
  heldValues,
  type RecoveredRow,
  type Recovery,
  refuseImpossible,
} from "./held.ts";
import { changeOf, erase, handOver, loggedOf } from "./intent-writes.ts";
import { judge } from "./stamp-order.ts";
import { clashOf, conflictOf, keepInHistory, type TakingBack, takeOver, tellTakenOver } from "./take-over.ts";
import { bury, type Tombstone, tombstoneOf } from "./tombstones.ts";

/**
 * Takes back a resource as a site holds it. One that the hub does not know is made again with its stamps; one that is gone
 * stays gone; of one that it has, the site's later values stand, and the site manages it when they say so. Throws a `Fault`:
 * InvalidArgument naming a reference to what is not there yet, PermissionDenied for what the site cannot hold.
 */
export async function recoverRow(tx: Transaction, held: RecoveredRow, on: TakingBack): Promise<Recovery> {
  refuseForeign(held);
  const { kind, tenant, id, site, body } = held;
  const before = await tx.get(kind, tenant, id);
  if (!before) return recoverUnknown(tx, held, { on, owner: body.owner === undefined ? undefined : site });
  const another = anotherCreation(held, before);
  if (another) return keepWhole(tx, held, { conflict: another, on });
  const taken = await takeOver(tx, kind, before, { body, on });
  return finish(tx, held, {
    ...taken,
    before,
    on,
    owner: await ownerAfter(tx, held, { before, after: taken.resource }),
  });
}

/**
 * The site that manages a resource once what another site holds of it has been taken over: of a host, ownership follows a
 * move (rule 14); what follows a machine is its site's.
 */
async function ownerAfter(
  tx: Transaction,
  { kind, site, body }: RecoveredRow,
  { before, after }: { before: Resource; after: Resource },
): Promise<string | undefined> {
  if (kind.follows !== undefined) return (await followedBy(tx, kind, after))?.resource.owner;
  if (kind.name !== Host.name || body.owner !== site || before.owner === site) return before.owner;
  const asHeld = after.stamps.siteId?.id === body.stamps.siteId?.id;
  // Its claim is forgotten: it manages the machine, and is the one that can let it go.
  if (before.owner === undefined && (asHeld || isBeingDeleted(kind, after.fields))) return site;
  return asHeld && after.fields.siteId === site ? site : before.owner;
}

/** Puts what was taken over in force: under its owner, in its feed. */
export async function finish(
  tx: Transaction,
  { kind, body }: Pick<RecoveredRow, "kind" | "body">,
  done: Awaited<ReturnType<typeof takeOver>> & { before: Resource; owner: string | undefined; on: TakingBack },
): Promise<Recovery> {
  const { before, adopted, conflicts, owner, on } = done;
  const resource = await retiredAs(tx, kind, done.resource, body.retired);
  if (isBeingDeleted(kind, resource.fields) && owner === undefined) {
    await erase(tx, kind, resource, on.write);
    return { conflicts };
  }
  if (owner !== before.owner) await handOver(tx, kind, resource, { owner, write: on.write });
  else if (resource !== before) await publish(tx, kind, resource);
  const after = (await tx.get(kind, before.tenant, before.resourceId)) ?? resource;
  await tellTakenOver(tx, kind, { resource: after, adopted, on });
  return { conflicts };
}

/** What was retired once is not offered again (rule 12). */
async function retiredAs(tx: Transaction, kind: Kind, resource: Resource, retired: number | undefined) {
  if (kind.deletion !== "retired" || retired === undefined || resource.retired !== undefined) return resource;
  const after = { ...resource, retired };
  await tx.replace(kind, after);
  return after;
}

/** Makes a resource again that the hub has forgotten, unless it remembers that it is gone. */
export async function recoverUnknown(
  tx: Transaction,
  held: RecoveredRow,
  { owner, on }: { owner: string | undefined; on: TakingBack },
): Promise<Recovery> {
  const { kind, tenant, id, body } = held;
  const tombstone = await tombstoneOf(tx, kind, { tenant, resourceId: id });
  if (tombstone) return recoverGone(tx, held, { tombstone, on });
  if (kind.name === Site.name) await refuseOthersSite(tx, held);
  const resource = await resourceOf(tx, held, owner);
  if (isBeingDeleted(kind, resource.fields) && resource.owner === undefined) {
    await buryUnknown(tx, held, on);
    return { conflicts: [] };
  }
  const clash = await clashOf(tx, () => tx.insert(kind, resource));
  if (clash) return keepWhole(tx, held, { conflict: wholeOf(held), on });
  const fields = heldFields(kind, body);
  const [first = resource.creation] = byWrite(fields).keys();
  const created = { operation: "create" as const, after: loggedOf(kind, resource) };
  await tx.appendChange(changeOf(kind, resource, { ...on.write, id: first }, created));
  const later = fields.filter(({ stamp }) => stamp.id !== first);
  await keepInHistory(tx, kind, resource, { fields: later, operation: "update", on });
  await publish(tx, kind, resource);
  await tellTakenOver(tx, kind, { resource, adopted: fields, on });
  return { conflicts: [] };
}

/** A site's feed is found by its id alone: one that is another tenant's site would open that one's. */
async function refuseOthersSite(tx: Transaction, { tenant, id }: RecoveredRow): Promise<void> {
  for (const other of await tx.tenants()) {
    if (other.id === tenant || !(await tx.get(Site, other.id, id))) continue;
    throw new Fault("PermissionDenied", `site ${id} is another tenant's`);
  }
}

async function resourceOf(tx: Transaction, held: RecoveredRow, owner: string | undefined): Promise<Resource> {
  const { kind, tenant, id, body } = held;
  const { createdAt, updatedAt, generation, creation = `feed-${id}`, retired } = body;
  const fields = heldValues(kind, body);
  const managed = kind.follows === undefined ? owner : (await followedBy(tx, kind, { tenant, fields }))?.resource.owner;
  return {
    ...{ tenant, resourceId: id, createdAt, updatedAt, generation, creation, stamps: heldStamps(kind, body) },
    ...(managed === undefined || !isManaged(kind) ? {} : { owner: managed }),
    ...(retired === undefined || kind.deletion !== "retired" ? {} : { retired }),
    fields: { ...initialFields(kind), ...fields },
  };
}

/** A resource that is gone at the hub stays gone; what the hub did not know of it when it went must not be lost unseen. */
async function recoverGone(
  tx: Transaction,
  { kind, tenant, id, body }: RecoveredRow,
  { tombstone, on }: { tombstone: Tombstone; on: TakingBack },
): Promise<Recovery> {
  const { stamps } = tombstone;
  if (!stamps) return { conflicts: [] };
  const unknown = [];
  for (const held of heldFields(kind, body)) {
    if (stamps[held.field]?.id === held.stamp.id || (await tx.knowsWrite(tenant, held.stamp.id))) continue;
    if (judge(held.stamp, stamps[held.field], on.lives) !== "older") unknown.push(held);
  }
  await keepInHistory(tx, kind, { tenant, resourceId: id, fields: {} }, { fields: unknown, operation: "conflict", on });
  return { conflicts: unknown.map(conflictOf) };
}

/** Remembers as gone what the hub never knew. */
export async function buryUnknown(tx: Transaction, held: RecoveredRow, on: TakingBack): Promise<void> {
  const { kind, tenant, id, body } = held;
  const gone = { tenant, resourceId: id, fields: {} };
  await bury(tx, kind, { ...gone, stamps: heldStamps(kind, body) });
  await keepInHistory(tx, kind, gone, { fields: heldFields(kind, body), operation: "update", on });
  await tx.appendChange(changeOf(kind, gone, on.write, { operation: "delete", before: heldValues(kind, body) }));
}

/** Two creations under one id are two things (rule 16). */
export function anotherCreation(held: RecoveredRow, { creation }: Resource): FieldConflict | undefined {
  return held.body.creation === undefined || held.body.creation === creation ? undefined : wholeOf(held);
}

function wholeOf({ kind, id, body }: RecoveredRow): FieldConflict {
  return { field: null, held: { write: body.creation ?? `feed-${id}`, value: heldValues(kind, body) } };
}

/** Keeps a resource that cannot be made again as one thing to choose about. */
export async function keepWhole(
  tx: Transaction,
  { kind, tenant, id, body }: RecoveredRow,
  { conflict, on }: { conflict: FieldConflict; on: TakingBack },
): Promise<Recovery> {
  const of = { tenant, resourceId: id, fields: {} };
  await keepInHistory(tx, kind, of, { fields: heldFields(kind, body), operation: "conflict", on });
  return { conflicts: [conflict] };
}

/** Throws for what a site cannot hold: PermissionDenied for what is another's, InvalidArgument for what nobody could. */
export function refuseForeign(held: RecoveredRow): void {
  const { kind, tenant, id, site, body } = held;
  refuseImpossible(held);
  if (body.tenant !== tenant) throw new Fault("PermissionDenied", `${kind.name} ${id} is another tenant's`);
  if (!isManaged(kind) || body.owner === undefined || body.owner === site) return;
  throw new Fault("PermissionDenied", `${site} does not manage ${kind.name} ${id}`);
}
