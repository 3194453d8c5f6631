import { stringify } from "yaml";
import type { Shown } from "../api.ts";
import { nameOf } from "./cell.ts";

/** All that is known of one resource, for people: what is empty is left out, and of what it refers to there are name and id. */
export function description(resource: Shown): string {
  const { resourceId, ...known } = resource;
  const shown = Object.entries(known).flatMap(([name, value]) => {
    // Older names of the id.
    if (value === resourceId) return [];
    const worth = worthTelling(value);
    return worth === undefined ? [] : [[name, worth]];
  });
  return stringify({ resourceId, ...Object.fromEntries(shown) }, { lineWidth: 0 });
}

function worthTelling(value: unknown): unknown {
  if (value === null || value === undefined || value === "") return undefined;
  if (typeof value === "string") return value.endsWith("_UNSPECIFIED") ? undefined : value;
  if (Array.isArray(value)) {
    const items = value.map(worthTelling).filter((each) => each !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object") return value;
  // Parts of a machine, such as addresses, have the key as resources do, and nothing in it.
  if ("resourceId" in value && value.resourceId !== "") return reference(value);
  const parts = Object.entries(value).flatMap(([name, each]) => {
    const worth = worthTelling(each);
    return worth === undefined ? [] : [[name, worth]];
  });
  return parts.length === 0 ? undefined : Object.fromEntries(parts);
}

function reference(resource: Shown): string {
  const name = nameOf(resource);
  return name === resource.resourceId ? name : `${name} (${String(resource.resourceId)})`;
}
