import { FieldFault } from "../store/faults.ts";
import type { Rule } from "./kind-rules.ts";

/** A resource names exactly one of what these fields may name: looked at when one of them changes. */
export function oneTargetOf(names: readonly string[]): Rule {
  return (_view, { before, after, changes }) => {
    if (before && !names.some((name) => Object.hasOwn(changes, name))) return;
    const values = after.fields as Readonly<Record<string, unknown>>;
    const named = names.filter((name) => values[name] !== undefined);
    if (named.length === 1) return;
    const fields = named.length === 0 ? names : named;
    throw new FieldFault("InvalidArgument", fields, `${fields.join(", ")}: exactly one target is needed`);
  };
}
