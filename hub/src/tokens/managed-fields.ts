import type { ManagedFields } from "@holdfast/inventory/api/roles";
import { Fault } from "@holdfast/runtime";

/** Reads `host.amtStatus`, `os_update_run.*`. Throws InvalidArgument for what is no kind and field. */
export function readFields(names: readonly string[]): ManagedFields {
  const fields: Record<string, string[]> = {};
  for (const name of names.map((each) => each.trim())) {
    const [, kind = "", field = ""] = /^([a-z_]{1,40})\.([A-Za-z]{1,60}|[*])$/.exec(name) ?? [];
    if (field === "")
      throw new Fault("InvalidArgument", `fields: "${name}" is not a kind and a field like host.amtStatus`);
    const known = Object.hasOwn(fields, kind) ? (fields[kind] ?? []) : [];
    if (!known.includes(field)) fields[kind] = [...known, field];
  }
  return fields;
}

/** The same fields as such names. */
export function writeFields(fields: ManagedFields): string[] {
  return Object.entries(fields).flatMap(([kind, names]) => names.map((name) => `${kind}.${name}`));
}
