import { type FeedPosition, Host, type Kind, type Resource } from "@holdfast/protocol";
import { authorOf } from "../author.ts";
import type { Change, Transaction } from "../store/contract.ts";
import { stillReferred } from "../store/faults.ts";
import { outOfSight } from "../unseen.ts";
import { applyBeforeOf } from "./apply-before.ts";
import { deletedState, isBeingDeleted } from "./desired-state.ts";
import { intentOf, publish, withdraw } from "./feed-rows.ts";
import { asFollowing, followersOf, follows, goesAlongWith, goingAlong, tellsPastOf } from "./following.ts";
import { changedFields, checkChanges, type Fields, refuseFrozen, refuseImmutable } from "./intent-rules.ts";
import { bury } from "./tombstones.ts";
import { intentFields, tellGone, tellMoved, tellWritten, type Write } from "./write.ts";

/** A resource after a write, and where its feed shows that. */
export interface Written {
  readonly resource: Resource;
  readonly at: FeedPosition;
}

/** Stamps of the intent fields among these, as set by a write to a machine of that owner that makes this generation. */
export function stampsOf(
  kind: Kind,
  fields: Fields,
  { write, generation, owner }: { write: Write; generation: number; owner: string | undefined },
): Resource["stamps"] {
  const stamped = intentFields(kind, fields).map((field) => {
    const applyBefore = applyBeforeOf(kind, { field, value: fields[field], owner, write });
    const limit = applyBefore === undefined ? {} : { applyBefore };
    return [field, { id: write.id, epoch: write.epoch, generation, ...limit }] as const;
  });
  return Object.fromEntries(stamped);
}

/** Adds a resource of which all is known, with its history and feed row. Throws when a rule forbids it. */
export async function addResource(
  tx: Transaction,
  kind: Kind,
  resource: Resource,
  { given, write }: { given: Fields; write: Write },
): Promise<Written> {
  await checkChanges(tx, kind, { before: undefined, after: resource, changes: given, write });
  await tx.insert(kind, resource);
  await tx.appendChange(changeOf(kind, resource, write, { operation: "create", after: loggedOf(kind, resource) }));
  const at = await publish(tx, kind, resource);
  await tellWritten(tx, kind, { resource, fields: given, write });
  return { resource, at };
}

/**
 * Sets fields of a resource, also to the values that they have: each gets the write's stamp. Wanting a resource deleted, or
 * a machine at another site, begins that, and carries it out when there is no site that would have to let go first. Throws
 * when a rule forbids it.
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
  const isHeld = before.owner !== undefined && (await write.wasHeard(tx, before.owner));
  const after = await asFollowing(tx, kind, withFields(kind, before, fields, { write, isHeld }));
  await checkChanges(tx, kind, { before, after, changes, write });
  if (changes.desiredState !== undefined && changes.desiredState === deletedState(kind)) {
    await refuseReferred(tx, kind, before);
    if (!isHeld) return { resource: after, at: await eraseWithFollowers(tx, kind, after, write) };
  }
  await tx.replace(kind, after);
  const was = Object.fromEntries(Object.keys(changes).map((name) => [name, before.fields[name]]));
  // Also when no value is another: the write is known from now on by its stamps, and must be known by its id (rule 20).
  await tx.appendChange(changeOf(kind, after, write, { operation: "update", before: was, after: changes }));
  const at =
    after.owner === before.owner
      ? await publish(tx, kind, after)
      : (await moveBetweenFeeds(tx, kind, { before, after, write })).entered;
  await tellWritten(tx, kind, { resource: after, fields, write });
  return { resource: after, at };
}

/**
 * Removes a resource with its history and tombstone, and before it what goes along with it. Throws FailedPrecondition when
 * anything else refers to it.
 */
export async function erase(tx: Transaction, kind: Kind, resource: Resource, write: Write): Promise<FeedPosition> {
  for (const along of await goingAlong(tx, kind, resource)) await erase(tx, along.kind, along.resource, write);
  await tx.delete(kind, resource.tenant, resource.resourceId);
  await bury(tx, kind, resource);
  await tx.appendChange(changeOf(kind, resource, write, { operation: "delete", before: loggedOf(kind, resource) }));
  const at = await withdraw(tx, kind, resource);
  await tellGone(tx, kind, resource, write);
  return at;
}

/** Removes a resource, and before it all that follows it, whether or not anybody wants that deleted. */
export async function eraseWithFollowers(
  tx: Transaction,
  kind: Kind,
  resource: Resource,
  write: Write,
): Promise<FeedPosition> {
  const followers = await followersOf(tx, kind, resource);
  for (const { kind: of, resource: follower } of followers.toReversed()) {
    // It may have gone along with what it refers to.
    if (await tx.get(of, follower.tenant, follower.resourceId)) await erase(tx, of, follower, write);
  }
  return erase(tx, kind, resource, write);
}

/** Gives a resource and all that follows it to another site, or to none: they leave one feed and enter the other. */
export async function handOver(
  tx: Transaction,
  kind: Kind,
  before: Resource,
  { owner, write }: { owner: string | undefined; write: Write },
): Promise<FeedPosition> {
  const after = owned(kind, before, owner);
  await tx.replace(kind, after);
  const change = { before: { owner: before.owner ?? null }, after: { owner: owner ?? null } };
  await tx.appendChange(changeOf(kind, after, write, { operation: "update", ...change }));
  return (await moveBetweenFeeds(tx, kind, { before, after, write })).left;
}

/**
 * Throws FailedPrecondition naming whatever needs a resource: not what goes along with it, nor what follows it and is being
 * deleted itself; and what is retired, or only tells what was, keeps it from going, not from being retired.
 */
export async function refuseReferred(tx: Transaction, kind: Kind, resource: Resource): Promise<void> {
  const { tenant, resourceId } = resource;
  const all = await tx.referrers(kind, tenant, resourceId);
  const staying = (await followersOf(tx, kind, resource)).filter(
    (each) => !isBeingDeleted(each.kind, each.resource.fields),
  );
  const needing = all.filter(
    (each) =>
      !goesAlongWith(each.kind, kind) && (!follows(each.kind, kind) || staying.some((one) => one.kind === each.kind)),
  );
  const referrers =
    kind.deletion === "retired" ? needing.filter((each) => !each.retired && !tellsPastOf(each.kind, kind)) : needing;
  if (referrers.length > 0) throw stillReferred(kind, resourceId, referrers);
}

interface Moved {
  /** Where the feed that the resource left shows that it and its followers are gone. */
  readonly left: FeedPosition;
  /** Where the feed that it entered shows it. */
  readonly entered: FeedPosition;
}

/**
 * Takes a resource that has another owner from one feed to the other, and all that follows it: that belongs to whoever
 * manages what it follows. In either feed nothing refers to what is not there.
 */
export async function moveBetweenFeeds(
  tx: Transaction,
  kind: Kind,
  { before, after, write }: { before: Resource; after: Resource; write: Write },
): Promise<Moved> {
  const followers = await followersOf(tx, kind, after);
  for (const follower of followers.toReversed()) await withdraw(tx, follower.kind, follower.resource);
  const left = await withdraw(tx, kind, before);
  const entered = await publish(tx, kind, after);
  await tellMoved(tx, kind, { before, after, write });
  for (const follower of followers) {
    const followed = owned(follower.kind, follower.resource, after.owner);
    await tx.replace(follower.kind, followed);
    await publish(tx, follower.kind, followed);
    await tellMoved(tx, follower.kind, { before: follower.resource, after: followed, write });
  }
  return { left, entered };
}

/** A machine under another owner; under none, nobody looks at it any more, and it does not stay green (rule 13). */
export function owned<R extends Resource>(kind: Kind, resource: R, owner: string | undefined): R {
  const { owner: _, ...rest } = resource;
  if (owner !== undefined) return { ...rest, owner } as R;
  return { ...rest, fields: { ...rest.fields, ...outOfSight(kind) } } as R;
}

function withFields(
  kind: Kind,
  before: Resource,
  fields: Fields,
  { write, isHeld }: { readonly write: Write; readonly isHeld: boolean },
): Resource {
  const generation = before.generation + 1;
  const values = withoutUndefined({ ...before.fields, ...fields });
  const wanted = typeof values.siteId === "string" ? values.siteId : undefined;
  const moves = kind.name === Host.name && !isHeld && wanted !== before.owner;
  const owner = moves ? wanted : before.owner;
  const after = {
    ...before,
    generation,
    updatedAt: write.at,
    stamps: { ...before.stamps, ...stampsOf(kind, fields, { write, generation, owner }) },
    fields: values,
  };
  return moves ? owned(kind, after, owner) : after;
}

export function withoutUndefined(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What the history tells of a whole resource. */
export function loggedOf(kind: Kind, { fields, owner }: Resource): Fields {
  return { ...intentOf(kind, fields), ...(owner === undefined ? {} : { owner }) };
}

/** An entry of the history. */
export function changeOf(
  kind: Kind,
  { tenant, resourceId: id }: Pick<Resource, "tenant" | "resourceId">,
  { id: write, at, ...author }: Write,
  change: Pick<Change, "operation"> & Partial<Pick<Change, "before" | "after">>,
): Omit<Change, "seq"> {
  return { ...authorOf(author), at, tenant, kind: kind.name, id, before: null, after: null, write, ...change };
}
