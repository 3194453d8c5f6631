import type { Kind } from "@holdfast/protocol";
import { embeddingsOf } from "../resource-shape.ts";
import { objectAt, refusal } from "./check-value.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What who keeps the resources of a kind says of one. */
export interface ReadKept {
  /** To write; null unsets one. Their values are still to be checked. */
  readonly fields: Fields;
  /** What is nobody's to write. */
  readonly others: Fields;
}

/**
 * Sorts what a body says of a resource of a kind that somebody keeps: what it refers to is named as it is shown, by the
 * `resourceId` in it. Throws InvalidArgument naming the field.
 */
export function readKept(kind: Kind, claims: Fields): ReadKept {
  const fields: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(claims)) {
    const [, field] = embeddingsOf(kind).find(([embedded]) => embedded === name) ?? [];
    if (field !== undefined) fields[field] = value === null ? null : idIn(value, name);
    else if (Object.hasOwn(kind.fields, name)) fields[name] = value;
    else others[name] = value;
  }
  return { fields, others };
}

/** Throws InvalidArgument naming what a new resource of the kind must refer to. */
export function refuseLacking(kind: Kind, fields: Fields): void {
  for (const [name, field] of embeddingsOf(kind)) {
    if (kind.fields[field]?.required && typeof fields[field] !== "string") throw refusal(name, "is needed");
  }
}

/** An empty resource, as answers show it where there is none, has no id. */
function idIn(value: unknown, place: string): string | null {
  const { resourceId = null } = objectAt(value, place);
  if (resourceId === null || typeof resourceId === "string") return resourceId || null;
  throw refusal(`${place}.resourceId`, "must be a text");
}
