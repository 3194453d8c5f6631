import type { Kind, Resource, ResourceBody } from "@holdfast/protocol";
import type { Transaction } from "../store/contract.ts";
import { FieldFault } from "../store/faults.ts";
import { byWrite, type FieldConflict, type HeldField, heldFields } from "./held.ts";
import { changeOf, withoutUndefined } from "./intent-writes.ts";
import { rulesOfMerged } from "./kind-rules.ts";
import { judge } from "./stamp-order.ts";
import { tellWritten, type Write } from "./write.ts";

/** Who takes something back: as the site that holds it, in the life that is the last of these. */
export interface TakingBack {
  readonly lives: readonly string[];
  readonly write: Write;
}

export interface TakenOver {
  readonly resource: Resource;
  readonly adopted: readonly HeldField[];
  readonly conflicts: readonly FieldConflict[];
}

/**
 * Takes into a resource what a site holds of it and the hub does not know (rule 20): later values stand from now on, under
 * their own stamps; what cannot be told is a conflict. Either is known from then on. Publishes nothing. Throws the store's
 * fault for a reference to what is not there.
 */
export async function takeOver(
  tx: Transaction,
  kind: Kind,
  before: Resource,
  { body, on }: { body: ResourceBody; on: TakingBack },
): Promise<TakenOver> {
  const [wanted, undecided]: [HeldField[], HeldField[]] = [[], []];
  for (const held of heldFields(kind, body)) {
    const standing = before.stamps[held.field];
    if (standing?.id === held.stamp.id || (await tx.knowsWrite(before.tenant, held.stamp.id))) continue;
    const verdict = judge(held.stamp, standing, on.lives);
    if (verdict === "adopt") wanted.push(held);
    if (verdict === "conflict") undecided.push(held);
  }
  const { resource, adopted, refused } = await adopt(tx, kind, before, wanted);
  const conflicts = [...undecided, ...refused];
  await keepInHistory(tx, kind, before, { fields: adopted, operation: "update", on });
  await keepInHistory(tx, kind, before, { fields: conflicts, operation: "conflict", on });
  return { resource, adopted, conflicts: conflicts.map(conflictOf) };
}

/** Tells of what was taken over, each write by its own id. */
export async function tellTakenOver(
  tx: Transaction,
  kind: Kind,
  { resource, adopted, on }: { resource: Resource; adopted: readonly HeldField[]; on: TakingBack },
): Promise<void> {
  for (const [id, fields] of byWrite(adopted)) {
    const write = { ...on.write, id, epoch: fields[0]?.stamp.epoch ?? "" };
    await tellWritten(tx, kind, { resource, fields: valuesOf(fields), write });
  }
}

/** Has the history tell of writes, so that whoever brings them again finds them known. */
export async function keepInHistory(
  tx: Transaction,
  kind: Kind,
  of: Pick<Resource, "tenant" | "resourceId" | "fields">,
  { fields, operation, on }: { fields: readonly HeldField[]; operation: "update" | "conflict"; on: TakingBack },
): Promise<void> {
  for (const [id, set] of byWrite(fields)) {
    const was = Object.fromEntries(set.map(({ field }) => [field, (of.fields as Record<string, unknown>)[field]]));
    const change = { operation, before: withoutUndefined(was), after: valuesOf(set) };
    await tx.appendChange(changeOf(kind, of, { ...on.write, id }, change));
  }
}

export function conflictOf({ field, stamp, value }: HeldField): FieldConflict {
  return { field, held: { write: stamp.id, value: value ?? null } };
}

function valuesOf(fields: readonly HeldField[]): Record<string, unknown> {
  return Object.fromEntries(fields.map(({ field, value }) => [field, value ?? null]));
}

/** Sets as many of the fields as the rest of the inventory leaves room for. */
async function adopt(tx: Transaction, kind: Kind, before: Resource, wanted: readonly HeldField[]) {
  let adopted = wanted;
  while (adopted.length > 0) {
    const resource = withHeld(before, adopted);
    const clash = await clashOf(tx, () => replace(tx, kind, resource, adopted));
    if (!clash) return { resource, adopted, refused: wanted.filter((held) => !adopted.includes(held)) };
    const left = adopted.filter(({ field }) => !clash.fields.includes(field));
    // A clash that names none of these is not theirs: the row clashed before.
    if (left.length === adopted.length) throw clash;
    adopted = left;
  }
  return { resource: before, adopted, refused: wanted };
}

/** What must not be shared and is, a tree that would close in a circle and the like; whatever else goes wrong is thrown. */
export async function clashOf(tx: Transaction, write: () => Promise<void>): Promise<FieldFault | undefined> {
  try {
    await tx.savepoint(write);
    return undefined;
  } catch (error) {
    if (error instanceof FieldFault && error.code === "FailedPrecondition") return error;
    throw error;
  }
}

async function replace(tx: Transaction, kind: Kind, resource: Resource, adopted: readonly HeldField[]): Promise<void> {
  await tx.replace(kind, resource);
  const changes = Object.fromEntries(adopted.map(({ field, value }) => [field, value]));
  try {
    for (const check of rulesOfMerged(kind)) {
      await check(tx, { before: resource, after: resource, changes, now: undefined });
    }
  } catch (cause) {
    if (!(cause instanceof FieldFault)) throw cause;
    throw new FieldFault("FailedPrecondition", cause.fields, cause.message, { cause });
  }
}

function withHeld(before: Resource, adopted: readonly HeldField[]): Resource {
  const stamps = Object.fromEntries(adopted.map(({ field, stamp }) => [field, stamp]));
  const values = Object.fromEntries(adopted.map(({ field, value }) => [field, value]));
  const latest = Math.max(...adopted.map(({ stamp }) => stamp.generation));
  return {
    ...before,
    // It counts changes: whoever saw the row as it was before must be told from whoever sees it now.
    generation: Math.max(before.generation + 1, latest),
    stamps: { ...before.stamps, ...stamps },
    fields: withoutUndefined({ ...before.fields, ...values }),
  };
}
