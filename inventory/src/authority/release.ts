import { type FeedPosition, Host, type Kind, type Resource } from "@holdfast/protocol";
import type { Transaction } from "../store/contract.ts";
import { isBeingDeleted } from "./desired-state.ts";
import { erase, handOver, refuseReferred, type Write } from "./intent-writes.ts";

/** A site has let a machine go, as the write named by `stamp` asked. */
export interface Release {
  readonly kind: Kind;
  readonly tenant: string;
  readonly id: string;
  readonly site: string;
  readonly reason: "deleted" | "moved";
  /** Id of the stamp of `desiredState` for a delete, of `siteId` for a move. */
  readonly stamp: string;
}

export interface ReleaseOutcome {
  readonly result: "applied" | "ignored";
  /** Where the feed of the site that let go shows that it is gone. */
  readonly at?: FeedPosition;
  readonly reason?: string;
}

/** Lets a resource disappear, or go over to its new site. A release that answers no standing wish changes nothing. */
export async function applyRelease(tx: Transaction, release: Release, write: Write): Promise<ReleaseOutcome> {
  const { kind } = release;
  const resource = await tx.get(kind, release.tenant, release.id);
  if (!resource) return { result: "ignored", reason: `${kind.name} ${release.id} is gone` };
  const against = reasonAgainst(release, resource);
  if (against !== undefined) return { result: "ignored", reason: against };
  if (release.reason === "moved") {
    const owner = resource.fields.siteId as string | undefined;
    return { result: "applied", at: await handOver(tx, resource, { owner, write }) };
  }
  await refuseReferred(tx, kind, resource);
  return { result: "applied", at: await erase(tx, kind, resource, write) };
}

function reasonAgainst({ kind, site, reason, stamp }: Release, resource: Resource): string | undefined {
  if (resource.owner !== site) return "the site does not manage it";
  const deleting = isBeingDeleted(kind, resource.fields);
  if (reason === "deleted") {
    if (!deleting) return "nobody wants it deleted";
    return resource.stamps.desiredState?.id === stamp ? undefined : "it answers another write of desiredState";
  }
  if (kind.name !== Host.name) return "it goes where its host goes";
  // Frozen: the site will let go of it once more, for good.
  if (deleting) return "it is being deleted";
  if (resource.fields.siteId === site) return "it is wanted where it is";
  return resource.stamps.siteId?.id === stamp ? undefined : "it answers another write of siteId";
}
