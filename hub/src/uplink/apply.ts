import type { Authority, Transaction } from "@holdfast/inventory";
import { type CreateIntent, type EditIntent, type Kind, kindNamed, type UplinkEntry } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Enrolments } from "../tokens/enrolments.ts";
import { recordConflict } from "./conflicts.ts";
import { keepEvent } from "./events.ts";
import { onceForIntent } from "./intents.ts";
import { isLentTo } from "./lent-ids.ts";
import type { Applied, Origin } from "./origin.ts";

export interface ApplyParts {
  readonly authority: Pick<Authority, "createIn" | "editIn" | "observeIn" | "releaseIn">;
  readonly enrolments: Pick<Enrolments, "remove">;
}

/** Applies one entry. Throws a `Fault` for one that cannot be applied, having perhaps written a part of it. */
export async function applyEntry(
  transaction: Transaction,
  { authority, enrolments }: ApplyParts,
  { entry, origin }: { entry: UplinkEntry; origin: Origin },
): Promise<Applied> {
  const { site, tenant, now } = origin;
  switch (entry.type) {
    case "state": {
      const { id, observedAt, observedGeneration, fields } = entry;
      const kind = kindOf(entry.kind);
      // The site's clock may be wrong by decades: its time is shown as reported, and orders nothing (rule 22).
      await authority.observeIn(transaction, { kind, tenant, id, site, observedAt, observedGeneration, fields });
      return { result: "applied" };
    }
    case "create":
      return onceForIntent(transaction, { site, intent: entry.intent }, () =>
        applyCreate(transaction, authority, { entry, origin }),
      );
    case "edit":
      return onceForIntent(transaction, { site, intent: entry.intent }, () =>
        applyEdit(transaction, authority, { entry, origin }),
      );
    case "release": {
      const { id, reason, stamp } = entry;
      const kind = kindOf(entry.kind);
      const released = await authority.releaseIn(transaction, { kind, tenant, id, site, reason, stamp });
      return { ...released, result: "applied" };
    }
    case "enrolment-used":
      await enrolments.remove(transaction, site, entry.id);
      return { result: "applied" };
    case "event":
      await keepEvent(transaction, { site, entry, now });
      return { result: "applied" };
    default:
      throw new Fault("InvalidArgument", `entries of type ${entry.type} are not taken`);
  }
}

async function applyCreate(
  transaction: Transaction,
  authority: ApplyParts["authority"],
  { entry, origin }: { entry: CreateIntent; origin: Origin },
): Promise<Applied> {
  const { site, tenant } = origin;
  const { intent, id, creation, actor, fields } = entry;
  const kind = kindOf(entry.kind);
  if (!(await isLentTo(transaction, site, id))) {
    throw new Fault("PermissionDenied", `${id} is none of the ids that were lent to ${site}`);
  }
  const request = { actor: actorAt(site, actor), tenant, fields, creation, id, write: intent, owner: site };
  try {
    const { at } = await transaction.savepoint(() => authority.createIn(transaction, kind, request));
    return { result: "applied", ...(at ? { at } : {}) };
  } catch (error) {
    // Somebody else has made it, or what it must not share: both stand, until an operator chooses.
    if (!(error instanceof Fault) || !["AlreadyExists", "FailedPrecondition"].includes(error.code)) throw error;
    await recordConflict(transaction, { entry, kind, origin, reason: error.message });
    return { result: "conflict", reason: error.message };
  }
}

async function applyEdit(
  transaction: Transaction,
  authority: ApplyParts["authority"],
  { entry, origin }: { entry: EditIntent; origin: Origin },
): Promise<Applied> {
  const { site, tenant } = origin;
  const { intent, id, field, value, base, actor } = entry;
  const kind = kindOf(entry.kind);
  const edit = { kind, tenant, id, field, value, base, actor: actorAt(site, actor), write: intent, site };
  const outcome = await authority.editIn(transaction, edit);
  if (outcome.result === "conflict") {
    await recordConflict(transaction, { entry, kind, origin, reason: outcome.reason ?? "" });
  }
  return outcome;
}

/** The history says that the site vouches for the name, not the hub. */
function actorAt(site: string, actor: string): string {
  return `site:${site}/${actor.slice(0, 200)}`;
}

function kindOf(name: string): Kind {
  const kind = kindNamed(name);
  if (!kind) throw new Fault("InvalidArgument", `unknown kind: ${JSON.stringify(name.slice(0, 64))}`);
  return kind;
}
