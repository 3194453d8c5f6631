import { type FeedPosition, Host, type Kind, type Resource, type ResourceBody } from "@holdfast/protocol";
import type { Transaction } from "../store/contract.ts";
import { isBeingDeleted } from "./desired-state.ts";
import type { FieldConflict } from "./held.ts";
import { eraseWithFollowers, handOver, refuseReferred } from "./intent-writes.ts";
import { type TakingBack, takeOver } from "./take-over.ts";

/** A site has let a machine go, as the write named by `stamp` asked. */
export interface Release {
  readonly kind: Kind;
  readonly tenant: string;
  readonly id: string;
  readonly site: string;
  readonly reason: "deleted" | "moved";
  /** Id of the stamp of `desiredState` for a delete, of `siteId` for a move. */
  readonly stamp: string;
  /** The row as the site held it: what the hub has forgotten of it is taken over before the site's row is gone too. */
  readonly body?: ResourceBody;
}

export interface ReleaseOutcome {
  readonly result: "applied" | "ignored";
  /** Where the feed of the site that let go shows that it is gone. */
  readonly at?: FeedPosition;
  readonly reason?: string;
  /** Of what the body brought: the caller records them. */
  readonly conflicts?: readonly FieldConflict[];
}

/**
 * Lets a resource disappear, or go over to its new site. A host that disappears takes with it what follows it and shall be
 * deleted too, in whichever order its site lets them go. A release that answers no standing wish changes nothing.
 */
export async function applyRelease(tx: Transaction, release: Release, on: TakingBack): Promise<ReleaseOutcome> {
  const { kind, tenant, id, body } = release;
  const before = await tx.get(kind, tenant, id);
  if (!before) return { result: "ignored", reason: `${kind.name} ${id} is gone` };
  const against = reasonAgainst(release, before);
  if (against !== undefined) return { result: "ignored", reason: against };
  // One that shall be deleted while it moves is with nobody once its site has let go: there is no more to wait for.
  const ends = isBeingDeleted(kind, before.fields);
  if (ends) await refuseReferred(tx, kind, before);
  const rightful = body?.tenant === tenant && (body.creation ?? before.creation) === before.creation;
  const taken = rightful ? await takeOver(tx, kind, before, { body, on }) : undefined;
  const resource = taken?.resource ?? before;
  const at = ends
    ? await eraseWithFollowers(tx, kind, resource, on.write)
    : await handOver(tx, kind, resource, { owner: resource.fields.siteId as string | undefined, write: on.write });
  return { result: "applied", at, ...(taken && taken.conflicts.length > 0 ? { conflicts: taken.conflicts } : {}) };
}

function reasonAgainst({ kind, site, reason, stamp }: Release, resource: Resource): string | undefined {
  if (resource.owner !== site) return "the site does not manage it";
  const deleting = isBeingDeleted(kind, resource.fields);
  if (reason === "deleted") {
    if (!deleting) return "nobody wants it deleted";
    return resource.stamps.desiredState?.id === stamp ? undefined : "it answers another write of desiredState";
  }
  if (kind.name !== Host.name) return "it goes where its host goes";
  if (resource.fields.siteId === site) return "it is wanted where it is";
  return resource.stamps.siteId?.id === stamp ? undefined : "it answers another write of siteId";
}
