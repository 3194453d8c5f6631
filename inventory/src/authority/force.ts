import { Host, type Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Transaction } from "../store/contract.ts";
import { FieldFault } from "../store/faults.ts";
import { isBeingDeleted } from "./desired-state.ts";
import { eraseWithFollowers, handOver } from "./intent-writes.ts";
import type { Write } from "./write.ts";

/**
 * Does for a site what only the site may do otherwise: lets a host go, to where it is wanted, or for good when it is being
 * deleted. For sites that are gone or cannot be waited for; should one come back, it finds that the host is not its own.
 * Throws FailedPrecondition when no site manages the host, or when it is wanted where it is.
 */
export async function forceRelease(tx: Transaction, host: Resource, write: Write): Promise<void> {
  if (host.owner === undefined) throw new Fault("FailedPrecondition", `no site manages ${host.resourceId}`);
  if (isBeingDeleted(Host, host.fields)) return forceDelete(tx, host, write);
  const wanted = host.fields.siteId as string | undefined;
  if (wanted === host.owner) {
    throw new FieldFault("FailedPrecondition", ["siteId"], "it is wanted where it is: move or delete it first");
  }
  await handOver(tx, Host, host, { owner: wanted, write });
}

/** Removes a host and all that follows it at once, whoever manages it. Its machine, if there is one, goes on as it is. */
export async function forceDelete(tx: Transaction, host: Resource, write: Write): Promise<void> {
  await eraseWithFollowers(tx, Host, host, write);
}
