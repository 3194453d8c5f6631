import { type Kind, kindNamed, kindOfId, type Resource } from "@holdfast/protocol";
import { backReferencesOf } from "../../store/back-references.ts";
import type { View } from "../../store/contract.ts";
import { fieldValue } from "./field-value.ts";
import { countSites } from "./total-sites.ts";

/** An instance's host, its site, and the region tree above that: no chain of references is longer. */
export const LONGEST_CHAIN = 8;

/** What an answer shows beside the resources asked for: all that they refer to, all the way up, by id. */
export interface Neighbours {
  get(id: string): Resource | undefined;
  /** By name of the back reference and id of the resource referred to, by id. */
  referring(name: string, id: string): readonly Resource[];
  /** Ids of all machines among them. */
  machines(): readonly string[];
  /** Sites in a region and below it; undefined when nobody asked. */
  totalSites(regionId: string): number | undefined;
}

export interface Wanted {
  readonly tenant: string;
  readonly kind: Kind;
  readonly resources: readonly Resource[];
  readonly totalSites: boolean;
}

/** Loads what a page of resources shows: a fixed number of reads, however many resources there are. */
export async function loadNeighbours(view: View, wanted: Wanted): Promise<Neighbours> {
  const referring = await loadReferring(view, wanted);
  const loaded = await loadReferred(view, wanted, referring);
  const regions = wanted.resources.map(({ resourceId }) => resourceId);
  const totals = wanted.totalSites ? await countSites(view, wanted.tenant, regions) : undefined;
  const byName = Map.groupBy(referring, ({ key }) => key);
  return {
    get: (id) => loaded.get(id),
    referring: (name, id) => (byName.get(keyOf(name, id)) ?? []).map(({ resource }) => resource),
    machines: () => machinesAmong([...loaded.values(), ...referring.map(({ resource }) => resource)]),
    totalSites: (id) => totals?.get(id),
  };
}

function machinesAmong(resources: readonly Resource[]): string[] {
  return resources.map(({ resourceId }) => resourceId).filter((id) => kindOfId(id)?.feed === "machine");
}

interface Found {
  /** Of the back reference and of what is referred to. */
  readonly key: string;
  readonly kind: Kind;
  readonly resource: Resource;
}

function keyOf(name: string, id: unknown): string {
  return `${name} ${String(id)}`;
}

/** Resources that refer to those asked for and are shown with them: the instances of hosts, the members of workloads. */
async function loadReferring(view: View, { tenant, kind, resources }: Wanted): Promise<Found[]> {
  const found: Found[] = [];
  for (const { name, from, by } of backReferencesOf(kind)) {
    const source = kindNamed(from);
    if (!source || resources.length === 0) continue;
    const ids = resources.map(({ resourceId }) => resourceId);
    for (const resource of await view.find(source, { [by]: ids }, tenant)) {
      found.push({ key: keyOf(name, fieldValue(resource, by)), kind: source, resource });
    }
  }
  return found;
}

/** Follows references breadth first: each round reads each kind once. */
async function loadReferred(
  view: View,
  { tenant, kind, resources }: Wanted,
  referring: readonly Found[],
): Promise<Map<string, Resource>> {
  const loaded = new Map(resources.map((resource) => [resource.resourceId, resource]));
  let wanted = new Map<Kind, Set<string>>();
  collect(wanted, loaded, kind, resources);
  for (const found of referring) collect(wanted, loaded, found.kind, [found.resource]);
  for (let round = 0; round < LONGEST_CHAIN && wanted.size > 0; round++) {
    const next = new Map<Kind, Set<string>>();
    const found: [Kind, Resource[]][] = [];
    for (const [each, ids] of wanted) {
      const many = await readMany(view, each, tenant, [...ids]);
      for (const resource of many) loaded.set(resource.resourceId, resource);
      found.push([each, many]);
    }
    for (const [each, many] of found) collect(next, loaded, each, many);
    wanted = next;
  }
  return loaded;
}

async function readMany(view: View, kind: Kind, tenant: string, ids: readonly string[]): Promise<Resource[]> {
  const [only] = ids;
  if (ids.length !== 1 || only === undefined) return [...(await view.getMany(kind, tenant, ids)).values()];
  const one = await view.get(kind, tenant, only);
  return one ? [one] : [];
}

function collect(
  wanted: Map<Kind, Set<string>>,
  loaded: ReadonlyMap<string, Resource>,
  kind: Kind,
  resources: readonly Resource[],
): void {
  for (const [name, { reference }] of Object.entries(kind.fields)) {
    const target = reference?.embedAs === undefined ? undefined : kindNamed(reference.kind);
    if (!target) continue;
    for (const id of resources.flatMap((resource) => idsIn(fieldValue(resource, name)))) {
      if (loaded.has(id)) continue;
      const ids = wanted.get(target);
      if (ids) ids.add(id);
      else wanted.set(target, new Set([id]));
    }
  }
}

/** The ids in a field that refers to one resource or to several. */
export function idsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  return Array.isArray(value) ? value : [];
}
