import { type Authority, FieldFault, type Transaction } from "@holdfast/inventory";
import { needsOfField } from "@holdfast/inventory/api/rights";
import { type CreateIntent, type DeleteIntent, type EditIntent, type Kind, siteScope } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import { unauthorised } from "../tokens/authorise.ts";
import { authorAt } from "./actor.ts";
import { refuseImpossible } from "./impossible.ts";
import { kindOf } from "./kind-of.ts";
import { isLentTo } from "./lent-ids.ts";
import type { Applied, Origin } from "./origin.ts";
import type { RefusedIntent, UplinkPorts } from "./ports.ts";
import { keepInHistory } from "./refused-intents.ts";

/** How many outcomes of a site's intents are kept, the newest. */
export const OUTCOMES_KEPT = 10_000;

interface IntentParts {
  readonly authority: Pick<Authority, "createIn" | "deleteIn" | "editIn">;
  readonly ports: Pick<UplinkPorts, "conflicts" | "aliases">;
}

/**
 * Carries out an intent unless it was before: a site that starts a new stream sends again whatever was not acknowledged
 * in the old one, and what came of it then still holds (rule 7).
 */
export async function onceForIntent(
  transaction: Transaction,
  { site, intent, kept = OUTCOMES_KEPT }: { site: string; intent: string; kept?: number },
  work: () => Promise<Applied>,
): Promise<Applied> {
  const tables = transaction.tables<HubTables>();
  const known = await tables
    .selectFrom("intent_outcome")
    .select("outcome")
    .where("site", "=", site)
    .where("intent", "=", intent)
    .executeTakeFirst();
  if (known) return JSON.parse(known.outcome) as Applied;
  const applied = await work();
  const number = await transaction.nextNumber(`intent:${site}`);
  const outcome = JSON.stringify(applied);
  await tables.insertInto("intent_outcome").values({ site, intent, number, outcome }).execute();
  await tables
    .deleteFrom("intent_outcome")
    .where("site", "=", site)
    .where("number", "<=", number - kept)
    .execute();
  return applied;
}

/** Makes what was made at a site, under the id that it was given there; or finds that it is known as another already. */
export async function applyCreate(
  tx: Transaction,
  { authority, ports }: IntentParts,
  { entry, origin }: { entry: CreateIntent; origin: Origin },
): Promise<Applied> {
  const { site, tenant } = origin;
  const { intent, id, creation } = entry;
  const kind = kindOf(entry.kind);
  const fields = await withSurvivor(tx, ports, { kind, fields: entry.fields, tenant });
  if (!(await isLentTo(tx, site, id))) {
    throw new Fault("PermissionDenied", `${id} is none of the ids that were lent to ${site}`);
  }
  refuseImpossible(kind, entry);
  const refused = await unauthorised(tx, { token: entry.token, tenant, at: entry.at });
  if (refused !== undefined) return conflict(tx, ports, { entry, kind, origin, reason: refused });
  const request = { ...authorAt(site, entry), tenant, fields, creation, id, write: intent, owner: site };
  try {
    const { at } = await tx.savepoint(() => authority.createIn(tx, kind, request));
    return { result: "applied", ...(at ? { at } : {}) };
  } catch (error) {
    if (!(error instanceof Fault) || !isToBeChosen(kind, error)) throw error;
    const same = await ports.aliases.sameMachine(tx, { entry, kind, origin });
    return same ?? conflict(tx, ports, { entry, kind, origin, reason: error.message });
  }
}

/**
 * Somebody else has made it, or what it must not share: both stand, until an operator chooses. So too what was made on a machine
 * that is another site's by now or gone: the site could not know, and what was wanted there is not lost (rules 14, 15).
 */
function isToBeChosen(kind: Kind, error: Fault): boolean {
  if (["AlreadyExists", "FailedPrecondition"].includes(error.code)) return true;
  return error instanceof FieldFault && kind.follows !== undefined && error.fields.includes(kind.follows);
}

/** Sets what an operator at a site wanted otherwise, if nobody else has written it since (rule 1). */
export async function applyEdit(
  tx: Transaction,
  { authority, ports }: IntentParts,
  { entry: sent, origin }: { entry: EditIntent; origin: Origin },
): Promise<Applied> {
  const { site, tenant } = origin;
  const entry = { ...sent, id: (await ports.aliases.aliasOf(tx, tenant, sent.id)) ?? sent.id };
  const { intent, id, field, value, base } = entry;
  const kind = kindOf(entry.kind);
  refuseImpossible(kind, entry);
  const needs = needsOfField(kind, field);
  const refused = await unauthorised(tx, { token: entry.token, tenant, at: entry.at, needs });
  if (refused !== undefined) return conflict(tx, ports, { entry, kind, origin, reason: refused });
  const edit = { kind, tenant, id, field, value, base, ...authorAt(site, entry), write: intent, site };
  const outcome = await authority.editIn(tx, edit);
  if (outcome.result === "conflict") {
    return conflict(tx, ports, { entry, kind, origin, reason: outcome.reason ?? "" });
  }
  const open = entry.resolves && (await ports.conflicts.resolved(tx, { entry, kind, origin }));
  return { ...outcome, ...(open === undefined ? {} : { conflict: open }) };
}

/** Deletes what an operator at a site deleted, if nobody else has written it since (rule 1). */
export async function applyDelete(
  tx: Transaction,
  { authority, ports }: IntentParts,
  { entry, origin }: { entry: DeleteIntent; origin: Origin },
): Promise<Applied> {
  const { site, tenant } = origin;
  const { intent, id, saw } = entry;
  const kind = kindOf(entry.kind);
  refuseImpossible(kind, entry);
  const refused = await unauthorised(tx, { token: entry.token, tenant, at: entry.at });
  if (refused !== undefined) return conflict(tx, ports, { entry, kind, origin, reason: refused });
  const deletion = { kind, tenant, id, saw, ...authorAt(site, entry), write: intent, site };
  const { result, reason, at } = await authority.deleteIn(tx, deletion);
  if (result === "conflict") return conflict(tx, ports, { entry, kind, origin, reason: reason ?? "" });
  await ports.conflicts.withdrawn(tx, { entry, kind, origin });
  return { result, ...(reason === undefined ? {} : { reason }), ...(at === undefined ? {} : { at }) };
}

/** What was made of a host under the id that is no more is of the host that it is now (rule 5). */
async function withSurvivor(
  tx: Transaction,
  { aliases }: IntentParts["ports"],
  { kind, fields, tenant }: { kind: Kind; fields: CreateIntent["fields"]; tenant: string },
): Promise<CreateIntent["fields"]> {
  if (kind.follows === undefined) return fields;
  const followed = fields[kind.follows];
  const survivor = typeof followed === "string" ? await aliases.aliasOf(tx, tenant, followed) : undefined;
  return survivor === undefined ? fields : { ...fields, [kind.follows]: survivor };
}

/** Keeps the value, and says where the site will see that it is kept. */
async function conflict(
  tx: Transaction,
  { conflicts }: IntentParts["ports"],
  refused: RefusedIntent,
): Promise<Applied> {
  await keepInHistory(tx, refused);
  const id = await conflicts.record(tx, refused);
  const scope = siteScope(refused.origin.site);
  const { head: seq } = await tx.feed(scope, Number.MAX_SAFE_INTEGER, 1);
  return { result: "conflict", reason: refused.reason, conflict: id, at: { scope, seq } };
}
