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
  const inherited: Item[] = [];
  let above = parentOf(kind.name, resource, neighbours);
  for (let level = 0; level < LONGEST_CHAIN && above; level++) {
    for (const item of metadataOf(above.resource)) inherited.push(item);
    above = parentOf(above.kind, above.resource, neighbours);
  }
  if (inherited.length === 0) return inherited;
  const told = new Set(metadataOf(resource).map(({ key }) => key));
  return inherited
    .filter(({ key }) => {
      const isNew = !told.has(key);
      told.add(key);
      return isNew;
    })
    .map(({ key, value }) => ({ key, value }));
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
