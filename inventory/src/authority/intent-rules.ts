import { Host, type Kind, kindNamed, type Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { Transaction } from "../store/contract.ts";
import { FieldFault, missingReference } from "../store/faults.ts";
import { checkDesiredState, deletedState, isBeingDeleted } from "./desired-state.ts";
import { followedBy } from "./following.ts";
import { rulesOf } from "./kind-rules.ts";
import { isUnset } from "./validate.ts";
import type { Write } from "./write.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** Optional texts that identify a machine: empty is the same as none. */
const IDENTITIES = ["uuid", "serialNumber"];

/** Values as they are stored: what has none is undefined, UUIDs are lower-case. */
export function normalise(kind: Kind, fields: Fields): Fields {
  const entries = Object.entries(fields).map(([name, value]) => {
    const field = kind.fields[name];
    if (!field || isUnset(field, value)) return [name, undefined];
    if (kind.name === Host.name && IDENTITIES.includes(name) && value === "") return [name, undefined];
    return [name, kind.name === Host.name && name === "uuid" ? String(value).toLowerCase() : value];
  });
  return Object.fromEntries(entries);
}

/** The fields whose value would be another. */
export function changedFields(before: Fields, wanted: Fields): Fields {
  const changed = Object.entries(wanted).filter(
    ([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value),
  );
  return Object.fromEntries(changed);
}

/** Throws FailedPrecondition when a resource is on its way out. */
export function refuseFrozen(kind: Kind, resource: Resource): void {
  if (!isBeingDeleted(kind, resource.fields)) return;
  throw new Fault("FailedPrecondition", `${kind.name}_resource ${resource.resourceId} is being deleted`);
}

/** Throws FailedPrecondition when a field that has its final value would change. */
export function refuseImmutable(kind: Kind, before: Fields, changes: Fields): void {
  for (const name of Object.keys(changes)) {
    const field = kind.fields[name];
    const [value, initial] = [before[name], field?.initial];
    if (!field?.immutable || value === undefined || value === "" || value === initial) continue;
    throw new FieldFault("FailedPrecondition", [name], `${name} cannot be changed`);
  }
}

/** What a write changes; `before` is undefined when it makes the resource. */
interface Changing {
  readonly before: Resource | undefined;
  readonly after: Resource;
  readonly changes: Fields;
  readonly write: Pick<Write, "site" | "at">;
}

/**
 * The rules between fields and between resources, of changes to a resource or of one that shall be made. Throws faults that
 * name the field.
 */
export async function checkChanges(
  tx: Transaction,
  kind: Kind,
  { before, after, changes, write }: Changing,
): Promise<void> {
  refuseRepeatedKeys(changes);
  await checkReferences(tx, kind, { tenant: after.tenant, changes, write });
  if (before && changes.desiredState !== undefined) {
    checkDesiredState(kind, before.fields, { desired: changes.desiredState, write });
  }
  if (!before && deletedState(kind) !== undefined && changes.desiredState === deletedState(kind)) {
    throw new FieldFault("InvalidArgument", ["desiredState"], `a ${kind.name} cannot begin as deleted`);
  }
  const now = write.site === undefined ? write.at : undefined;
  for (const check of rulesOf(kind)) await check(tx, { before, after, changes, now });
  const followed = typeof changes[kind.follows ?? ""] === "string" ? await followedBy(tx, kind, after) : undefined;
  if (followed) refuseFrozen(followed.kind, followed.resource);
}

function refuseRepeatedKeys({ metadata }: Fields): void {
  if (!Array.isArray(metadata)) return;
  const keys = metadata.map((item: { key?: unknown }) => item.key);
  const repeated = keys.find((key, at) => keys.indexOf(key) !== at);
  if (repeated === undefined) return;
  throw new FieldFault("InvalidArgument", ["metadata"], `metadata: the key ${String(repeated)} is given twice`);
}

/**
 * Throws InvalidArgument for an id of nothing; at the hub what is retired is nothing any more, a site may not have heard of
 * it yet (rule 12). Kinds that nobody can make yet have no table to look in.
 */
async function checkReferences(
  tx: Transaction,
  kind: Kind,
  { tenant, changes, write }: Pick<Changing, "changes" | "write"> & { tenant: string },
): Promise<void> {
  for (const [name, value] of Object.entries(changes)) {
    const reference = kind.fields[name]?.reference;
    if (!reference || value === undefined) continue;
    const target = kindNamed(reference.kind);
    for (const id of Array.isArray(value) ? value : [value]) {
      const found = target && (await tx.get(target, tenant, String(id)));
      const offered = found && (found.retired === undefined || write.site !== undefined);
      if (!offered) throw missingReference(name, reference.kind);
    }
  }
}
