import type { Kind, Resource } from "@holdfast/protocol";
import { fieldValue } from "./field-value.ts";
import { LONGEST_CHAIN, type Neighbours } from "./neighbours.ts";

interface Item {
  readonly key: string;
  readonly value: string;
}

/** Through which field each kind inherits. */
const PARENT_FIELD: Readonly<Record<string, string>> = { host: "siteId", site: "regionId", region: "parentId" };

/** Metadata of everything above a resource, the nearer winning, without the keys that it sets itself. */
export function inheritedMetadata(kind: Kind, resource: Resource, neighbours: Pick<Neighbours, "get">): Item[] {
  const inherited = new Map<string, string>();
  const own = new Set(metadataOf(resource).map(({ key }) => key));
  let above = parentOf(kind.name, resource, neighbours);
  for (let level = 0; level < LONGEST_CHAIN && above; level++) {
    for (const { key, value } of metadataOf(above.resource)) {
      if (!own.has(key) && !inherited.has(key)) inherited.set(key, value);
    }
    above = parentOf(above.kind, above.resource, neighbours);
  }
  return [...inherited].map(([key, value]) => ({ key, value }));
}

function metadataOf(resource: Resource): readonly Item[] {
  const metadata = fieldValue(resource, "metadata");
  return Array.isArray(metadata) ? metadata : [];
}

function parentOf(kind: string, resource: Resource, neighbours: Pick<Neighbours, "get">) {
  const field = PARENT_FIELD[kind];
  const id = field === undefined ? undefined : fieldValue(resource, field);
  const parent = typeof id === "string" ? neighbours.get(id) : undefined;
  return parent && { kind: kind === "host" ? "site" : "region", resource: parent };
}
