import { Host, type Resource } from "@holdfast/protocol";
import type { Transaction } from "../store/contract.ts";
import { isBeingDeleted } from "./desired-state.ts";
import type { RecoveredRow, Recovery } from "./held.ts";
import { erase, refuseReferred } from "./intent-writes.ts";
import { anotherCreation, buryUnknown, finish, keepWhole, recoverUnknown, refuseForeign } from "./recover.ts";
import type { Release } from "./release.ts";
import { type TakingBack, takeOver } from "./take-over.ts";
import { tombstoneOf } from "./tombstones.ts";

/** A machine that a site let go, with the row of it as the site held it then. */
export type LetGo = RecoveredRow & Pick<Release, "reason" | "stamp">;

/**
 * Takes back that a site let a machine go: one that was deleted does not return, one that was moved is its new owner's. Throws
 * as `recoverRow` does, and FailedPrecondition for one that something still refers to.
 */
export async function recoverLetGo(tx: Transaction, letGo: LetGo, on: TakingBack): Promise<Recovery> {
  refuseForeign(letGo);
  const { kind, tenant, id, site, body, reason, stamp } = letGo;
  const before = await tx.get(kind, tenant, id);
  if (!before) return letGoUnknown(tx, letGo, on);
  const another = anotherCreation(letGo, before);
  if (another) return keepWhole(tx, letGo, { conflict: another, on });
  const taken = await takeOver(tx, kind, before, { body, on });
  const { resource } = taken;
  const asked = answers(resource, reason === "deleted" ? "desiredState" : "siteId", stamp);
  const nobodys = before.owner === undefined || before.owner === site;
  if (asked && nobodys && isBeingDeleted(kind, resource.fields)) {
    await refuseReferred(tx, kind, resource);
    await erase(tx, kind, resource, on.write);
    return { conflicts: taken.conflicts };
  }
  const moves = asked && reason === "moved" && kind.name === Host.name && before.owner === site;
  const owner = moves ? (resource.fields.siteId as string | undefined) : before.owner;
  return finish(tx, letGo, { ...taken, before, owner, on });
}

function answers({ stamps }: Resource, field: "desiredState" | "siteId", stamp: string): boolean {
  return stamps[field]?.id === stamp;
}

async function letGoUnknown(tx: Transaction, letGo: LetGo, on: TakingBack): Promise<Recovery> {
  const { kind, tenant, id, reason, body } = letGo;
  const buried = await tombstoneOf(tx, kind, { tenant, resourceId: id });
  if (reason === "moved" || buried) {
    const owner = body.fields.siteId as string | undefined;
    return recoverUnknown(tx, letGo, { owner, on });
  }
  await buryUnknown(tx, letGo, on);
  return { conflicts: [] };
}
