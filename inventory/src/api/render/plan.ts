import type { Component, Field, Kind } from "@holdfast/protocol";
import { isAllowed, type ValueSchema } from "../body/check-value.ts";
import { completer, defaultOf, type Shape } from "./defaults.ts";

/** How a field is shown: its value, or what stands for none; undefined leaves the key out. */
export interface PlannedField {
  readonly name: string;
  show(value: unknown): unknown;
}

/** Ours, and unknown to the clients of the API that this one stands in for: absent rather than made up. */
const OURS = new Set(["uuidDerived"]);

/** Shown empty although their document has no room for that: EIM's own CLI ends where the key is missing. */
const ALWAYS_SHOWN = new Set(["os_update_policy targetOsId"]);

const PLANS = new Map<Kind, readonly PlannedField[]>();

/** The fields of a kind in the order in which answers show them; worked out once. */
export function planOf(kind: Kind): readonly PlannedField[] {
  let plan = PLANS.get(kind);
  if (!plan) {
    plan = plannedFields(kind);
    PLANS.set(kind, plan);
  }
  return plan;
}

/** One field's value as answers show it; null for one that they do not show. */
export function shownField(kind: Kind, name: string, value: unknown): unknown {
  const field = planOf(kind).find((each) => each.name === name);
  return field?.show(value ?? undefined) ?? null;
}

/** Those of a resource's fields that are known and shown. */
export function shownFields(kind: Kind, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return null;
  const known = value as Readonly<Record<string, unknown>>;
  const shown = planOf(kind).filter(({ name }) => known[name] !== undefined && known[name] !== null);
  return Object.fromEntries(shown.map(({ name, show }) => [name, show(known[name])]));
}

function plannedFields(kind: Kind): PlannedField[] {
  return Object.entries(kind.fields).flatMap(([name, field]) => {
    if (field.secret || field.reference?.hidden) return [];
    return [{ name, show: showing(kind, name, field) }];
  });
}

function showing(kind: Kind, name: string, { schema, component }: Field): PlannedField["show"] {
  if (OURS.has(name)) return (value) => value;
  if (component) return completer(partsOf(component));
  const nothing = defaultOf(schema as Shape);
  const isAlwaysShown = nothing === null || ALWAYS_SHOWN.has(`${kind.name} ${name}`);
  const fits = isAlwaysShown || isAllowed(schema as ValueSchema, nothing);
  // What stands for no value must be one that the schema allows; where it is not, the key is left out.
  return fits ? completer(schema as Shape) : (value) => (value === nothing ? undefined : value);
}

/** Parts are shown with times that nobody knows. */
function partsOf({ fields }: Component): Shape {
  const properties = { ...(fields as Readonly<Record<string, Shape>>), timestamps: {} };
  return { type: "array", items: { type: "object", properties } };
}
