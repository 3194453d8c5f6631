import { KINDS, type Kind, type Resource, Site } from "@holdfast/protocol";
import type { Transaction } from "../store/contract.ts";
import { positionOf, publish } from "./feed-rows.ts";
import { changeOf, erase } from "./intent-writes.ts";
import type { Write } from "./write.ts";

/**
 * Takes a resource out of what is offered. While the tenant has sites it stays, for one of them may still refer to it in what
 * it makes (rule 12); without any it is gone at once, but for what something retired refers to.
 */
export async function retire(tx: Transaction, kind: Kind, resource: Resource, write: Write): Promise<void> {
  const sites = await tx.find(Site, {}, resource.tenant);
  if (sites.length === 0 && (await tx.referrers(kind, resource.tenant, resource.resourceId)).length === 0) {
    await erase(tx, kind, resource, write);
    return;
  }
  const after = { ...resource, retired: write.at };
  await tx.replace(kind, after);
  const change = { before: { retired: null }, after: { retired: write.at } };
  await tx.appendChange(changeOf(kind, after, write, { operation: "update", ...change }));
  await publish(tx, kind, after);
}

/** Removes what every site of a tenant knows to be retired and nothing refers to. Returns how many. */
export async function purge(tx: Transaction, { tenant, upTo }: { tenant: string; upTo: number }, write: Write) {
  let count = 0;
  // What refers goes before what it refers to.
  for (const kind of KINDS.toReversed().filter(({ deletion }) => deletion === "retired")) {
    for (const resource of await tx.find(kind, {}, tenant)) {
      if (resource.retired === undefined) continue;
      const shown = await positionOf(tx, kind, resource);
      if (shown && shown.seq > upTo) continue;
      if ((await tx.referrers(kind, tenant, resource.resourceId)).length > 0) continue;
      await erase(tx, kind, resource, write);
      count += 1;
    }
  }
  return count;
}
