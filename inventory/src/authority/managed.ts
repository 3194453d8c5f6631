import type { Kind, Resource } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { UpdateRequest } from "../inventory.ts";
import type { Transaction, View } from "../store/contract.ts";
import { missing } from "../store/faults.ts";
import { withoutUndefined } from "./intent-writes.ts";
import { validateFields } from "./validate.ts";

/**
 * The observed fields of a kind that somebody beside the site writes in a tenant, at this moment, with who that is. Of these what
 * a site reports does not count: every field has one owner.
 */
export type ManagedFieldsOf = (
  view: View,
  of: { readonly kind: Kind; readonly tenant: string },
) => Promise<ReadonlyMap<string, string>>;

/** Nobody observes but the sites. */
export const NONE_MANAGED: ManagedFieldsOf = async () => new Map();

/** What a manager observed, and what it wants besides. */
export interface Observed extends UpdateRequest {
  /** By name; null for what is not known any more. */
  readonly observed: Readonly<Record<string, unknown>>;
}

/**
 * Writes what a manager observed, with who saw it and when, field by field. Whether these fields are theirs is the caller's to
 * know. Throws NotFound for what does not exist, PermissionDenied for fields that are not observed, InvalidArgument naming a
 * field with a wrong value.
 */
export async function writeManaged(tx: Transaction, kind: Kind, request: Observed, at: number): Promise<void> {
  const { tenant, id, observed, actor: source } = request;
  if (kind.feed !== "machine") throw new Fault("PermissionDenied", `nothing of a ${kind.name} is observed`);
  validateFields(kind, observed, { who: "site", on: "update" });
  const before = await tx.get(kind, tenant, id);
  if (!before || before.retired !== undefined) throw missing(kind);
  const names = Object.keys(observed);
  const values = names.map((name) => [name, observed[name] ?? kind.fields[name]?.initial] as const);
  await tx.replace(kind, {
    ...before,
    observedSources: { ...before.observedSources, ...Object.fromEntries(names.map((name) => [name, { source, at }])) },
    fields: withoutUndefined({ ...before.fields, ...Object.fromEntries(values) }),
  });
}

/** Of managed fields, who saw them and when, as it stood. */
export function managedSources({ observedSources = {} }: Resource, managed: ReadonlyMap<string, string>) {
  return Object.fromEntries(Object.entries(observedSources).filter(([name]) => managed.has(name)));
}
