import { type FeedPosition, Host, Instance, type Kind, type Resource } from "@holdfast/protocol";
import type { Change, Transaction } from "../store/contract.ts";
import { stillReferred } from "../store/faults.ts";
import { deletedState } from "./desired-state.ts";
import { intentOf, publish, withdraw } from "./feed-rows.ts";
import { changedFields, checkChanges, type Fields, refuseFrozen, refuseImmutable } from "./intent-rules.ts";

/** One write: whose it is, when, and the id that its stamps carry. */
export interface Write {
  readonly id: string;
  readonly epoch: string;
  readonly actor: string;
  readonly at: number;
}

/** A resource after a write, and where its feed shows that. */
export interface Written {
  readonly resource: Resource;
  readonly at: FeedPosition;
}

/** Stamps of the intent fields among these, as set by a write that makes this generation. */
export function stampsOf(kind: Kind, fields: Fields, write: Write, generation: number): Resource["stamps"] {
  const names = Object.keys(fields).filter((name) => kind.fields[name]?.owner === "operator");
  return Object.fromEntries(names.map((name) => [name, { id: write.id, epoch: write.epoch, generation }]));
}

/** Adds a resource of which all is known, with its history and feed row. Throws when a rule forbids it. */
export async function addResource(
  tx: Transaction,
  kind: Kind,
  resource: Resource,
  { given, write }: { given: Fields; write: Write },
): Promise<Written> {
  await checkChanges(tx, kind, { before: undefined, after: resource, changes: given });
  await tx.insert(kind, resource);
  await tx.appendChange(changeOf(kind, resource, write, { operation: "create", after: loggedOf(kind, resource) }));
  return { resource, at: await publish(tx, kind, resource) };
}

/**
 * Sets fields of a resource, also to the values that they have: each gets the write's stamp. Wanting a resource deleted
 * begins its deletion, or carries it out when no site manages it. Throws when a rule forbids it.
 */
export async function setFields(
  tx: Transaction,
  kind: Kind,
  before: Resource,
  { fields, write }: { fields: Fields; write: Write },
): Promise<Written> {
  const changes = changedFields(before.fields, fields);
  refuseFrozen(kind, before);
  refuseImmutable(kind, before.fields, changes);
  const after = withFields(kind, before, fields, write);
  await checkChanges(tx, kind, { before, after, changes });
  if (changes.desiredState !== undefined && changes.desiredState === deletedState(kind)) {
    await refuseReferred(tx, kind, before);
    if (before.owner === undefined) return { resource: after, at: await erase(tx, kind, before, write) };
  }
  await tx.replace(kind, after);
  const was = Object.fromEntries(Object.keys(changes).map((name) => [name, before.fields[name]]));
  if (Object.keys(changes).length > 0) {
    await tx.appendChange(changeOf(kind, after, write, { operation: "update", before: was, after: changes }));
  }
  if (after.owner === before.owner) return { resource: after, at: await publish(tx, kind, after) };
  const { entered: at } = await moveBetweenFeeds(tx, before, after);
  return { resource: after, at };
}

/** Removes a resource that nothing refers to, with its history and tombstone. */
export async function erase(tx: Transaction, kind: Kind, resource: Resource, write: Write): Promise<FeedPosition> {
  await tx.delete(kind, resource.tenant, resource.resourceId);
  await tx.appendChange(changeOf(kind, resource, write, { operation: "delete", before: loggedOf(kind, resource) }));
  return withdraw(tx, kind, resource);
}

/** Gives a host and its instances to another site, or to none: they leave one feed and enter the other. */
export async function handOver(
  tx: Transaction,
  host: Resource,
  { owner, write }: { owner: string | undefined; write: Write },
): Promise<FeedPosition> {
  const after = owned(host, owner);
  await tx.replace(Host, after);
  const change = { before: { owner: host.owner ?? null }, after: { owner: owner ?? null } };
  await tx.appendChange(changeOf(Host, after, write, { operation: "update", ...change }));
  return (await moveBetweenFeeds(tx, host, after)).left;
}

/** Throws FailedPrecondition naming whatever needs a resource. */
export async function refuseReferred(tx: Transaction, kind: Kind, { tenant, resourceId }: Resource): Promise<void> {
  const referrers = await tx.referrers(kind, tenant, resourceId);
  if (referrers.length > 0) throw stillReferred(kind, resourceId, referrers);
}

interface Moved {
  /** Where the feed that the host left shows that it and its instances are gone. */
  readonly left: FeedPosition;
  /** Where the feed that it entered shows it. */
  readonly entered: FeedPosition;
}

/**
 * Takes a host that has another owner from one feed to the other, and its instances with it: they belong to whoever manages
 * their host. In either feed nothing refers to what is not there.
 */
async function moveBetweenFeeds(tx: Transaction, before: Resource, after: Resource): Promise<Moved> {
  const instances = await tx.find(Instance, { hostID: after.resourceId }, after.tenant);
  for (const instance of instances) await withdraw(tx, Instance, instance);
  const left = await withdraw(tx, Host, before);
  const entered = await publish(tx, Host, after);
  for (const instance of instances) {
    const followed = owned(instance, after.owner);
    await tx.replace(Instance, followed);
    await publish(tx, Instance, followed);
  }
  return { left, entered };
}

function owned<R extends Resource>(resource: R, owner: string | undefined): R {
  const { owner: _, ...rest } = resource;
  return { ...rest, ...(owner === undefined ? {} : { owner }) } as R;
}

function withFields(kind: Kind, before: Resource, fields: Fields, write: Write): Resource {
  const generation = before.generation + 1;
  const after = {
    ...before,
    generation,
    updatedAt: write.at,
    stamps: { ...before.stamps, ...stampsOf(kind, fields, write, generation) },
    fields: withoutUndefined({ ...before.fields, ...fields }),
  };
  const claimed = kind.name === Host.name && before.owner === undefined ? after.fields.siteId : undefined;
  return typeof claimed === "string" ? owned(after, claimed) : after;
}

export function withoutUndefined(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function loggedOf(kind: Kind, { fields, owner }: Resource): Fields {
  return { ...intentOf(kind, fields), ...(owner === undefined ? {} : { owner }) };
}

function changeOf(
  kind: Kind,
  { tenant, resourceId: id }: Resource,
  { at, actor }: Write,
  change: Pick<Change, "operation"> & Partial<Pick<Change, "before" | "after">>,
): Omit<Change, "seq"> {
  return { at, tenant, actor, kind: kind.name, id, before: null, after: null, ...change };
}
