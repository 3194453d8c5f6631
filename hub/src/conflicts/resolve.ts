import { type Author, type Authority, audit, authorOf, type Transaction } from "@holdfast/inventory";
import type { Resolution } from "@holdfast/inventory/api/conflicts";
import { bury } from "@holdfast/inventory/authority/tombstones";
import { isManaged, siteScope } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { conflictById, subjectOf, valuesOf } from "./book.ts";
import { close } from "./show.ts";
import { standingWrite } from "./standing.ts";
import type { ConflictValueRow, OpenConflictRow } from "./tables.ts";

export interface ResolveParts {
  readonly authority: Pick<Authority, "settleIn" | "createIn" | "removeIn">;
  readonly now: number;
}

/** Lets one value stand and ends the conflict. Throws a `Fault`, having perhaps written a part of it. */
export async function resolve(tx: Transaction, resolution: Resolution, parts: ResolveParts): Promise<void> {
  const { tenant, id, choose, saw } = resolution;
  const row = await conflictById(tx, tenant, id);
  if (!row) throw new Fault("NotFound", "conflict not found");
  const values = await valuesOf(tx, row);
  const chosen = values.find(({ write }) => write === choose);
  if (!chosen) throw new Fault("InvalidArgument", `choose: the conflict has no value of write "${choose}"`);
  const unseen = saw && values.filter(({ write }) => !saw.includes(write)).map(({ write }) => write);
  if (unseen && unseen.length > 0) {
    throw new Fault("Aborted", `saw: the conflict has other values too: ${unseen.join(", ")}`);
  }
  // Before the write, which would otherwise be one more value.
  await close(tx, row, parts.now);
  await tellResolved(tx, row, values, { by: resolution, at: parts.now, chosen: choose });
  if (row.field === "") await settleWhole(tx, { row, values, chosen, resolution }, parts);
  else await settleField(tx, { row, chosen, resolution }, parts);
}

/** The audit log tells who ended a conflict, between which values, and how. */
export async function tellResolved(
  tx: Transaction,
  row: OpenConflictRow,
  values: readonly ConflictValueRow[],
  { by, at, chosen }: { readonly by: Author; readonly at: number; readonly chosen: string },
): Promise<void> {
  const before = { kind: row.kind, resourceId: row.resource_id, field: row.field, values: values.map(shownOf) };
  const about = { tenant: row.tenant, kind: "conflict", id: row.id };
  await audit(tx, { by, at, ...about, operation: "delete", before, after: { chosen } });
}

interface Choice {
  readonly row: OpenConflictRow;
  readonly chosen: ConflictValueRow;
  readonly resolution: Resolution;
}

async function settleField(tx: Transaction, { row, chosen, resolution }: Choice, { authority }: ResolveParts) {
  const { kind, tenant, resourceId: id, field } = subjectOf(row);
  const standing = standingWrite(row, await tx.get(kind, tenant, id));
  const fields = { [field]: JSON.parse(chosen.value) as unknown };
  try {
    await tx.savepoint(() => authority.settleIn(tx, kind, { ...authorOf(resolution), tenant, id, fields }));
  } catch (error) {
    // What is frozen keeps the value that it has: the choice of that one needs no write.
    const refused = error instanceof Fault && error.code === "FailedPrecondition";
    if (!refused || chosen.write !== standing) throw error;
  }
}

/**
 * What a site made is made here too, if that can be done now, or the site is told that there is no such resource; what a site
 * deleted is deleted, or stays.
 */
async function settleWhole(
  tx: Transaction,
  { row, values, chosen, resolution }: Choice & { readonly values: readonly ConflictValueRow[] },
  { authority }: ResolveParts,
): Promise<void> {
  const { kind, tenant, resourceId: id } = subjectOf(row);
  if (chosen.creation !== null) {
    const fields = JSON.parse(chosen.value) as Readonly<Record<string, unknown>>;
    const owner = isManaged(kind) ? { owner: chosen.by } : {};
    const request = { ...authorOf(resolution), tenant, id, fields, creation: chosen.creation, ...owner };
    const { created } = await authority.createIn(tx, kind, request);
    if (!created) throw new Fault("FailedPrecondition", `choose: ${kind.name} ${id} is there already`);
    return;
  }
  if (!isManaged(kind)) return;
  if (await tx.get(kind, tenant, id)) {
    const isDeletion = chosen.by !== "hub" && JSON.parse(chosen.value) === null;
    if (isDeletion) await authority.removeIn(tx, kind, { ...authorOf(resolution), tenant, id });
    return;
  }
  // However late and under whatever intent its creation comes again.
  await bury(tx, kind, { tenant, resourceId: id, stamps: {} });
  const sites = new Set(values.filter(({ by }) => by !== "hub").map(({ by }) => by));
  for (const site of sites) await tx.appendFeed(siteScope(site), kind.name, id, null);
}

function shownOf({ write, value, by, actor, at }: ConflictValueRow) {
  return { write, value: JSON.parse(value) as unknown, by, actor, at };
}
