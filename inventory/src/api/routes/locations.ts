import { type Kind, Region, type Resource, Site } from "@holdfast/protocol";
import type { View } from "../../store/contract.ts";
import { refusal, type ValueSchema } from "../body/check-value.ts";
import { type Components, componentRef } from "../openapi/components.ts";
import { fieldValue } from "../render/field-value.ts";
import type { Resources } from "../resources.ts";
import type { Route } from "./route.ts";

const TEXT = { type: "string" } as const;
const COUNT = { type: "integer", format: "int32" } as const;
const RESOURCE_KINDS = ["RESOURCE_KIND_UNSPECIFIED", "RESOURCE_KIND_REGION", "RESOURCE_KIND_SITE"] as const;

export const LOCATION_COMPONENTS: Components = {
  ListLocationsResponse: {
    type: "object",
    properties: {
      nodes: { type: "array", items: componentRef("ListLocationsResponse.LocationNode") },
      totalElements: { ...COUNT, description: "How many sites and regions match." },
      outputElements: { ...COUNT, description: "How many of those are among the nodes." },
    },
    required: ["nodes"],
    additionalProperties: false,
  },
  "ListLocationsResponse.LocationNode": {
    type: "object",
    properties: {
      resourceId: TEXT,
      parentId: TEXT,
      name: TEXT,
      type: componentRef("ListLocationsResponse.ResourceKind"),
    },
    required: ["resourceId", "parentId", "name", "type"],
    additionalProperties: false,
  },
  "ListLocationsResponse.ResourceKind": { type: "string", enum: RESOURCE_KINDS },
};

interface LocationNode {
  readonly resourceId: string;
  readonly parentId: string;
  readonly name: string;
  readonly type: (typeof RESOURCE_KINDS)[number];
}

const MOST_OF_A_KIND = 50;
const DEEPEST = 5;
const NAME = Region.fields.name.schema as ValueSchema;

/** Regions and sites by name, with the regions above them: enough to draw the tree that they are in. */
export function locations(resources: Resources): Route[] {
  return [
    {
      method: "GET",
      path: "locations",
      tag: "Locations",
      operationId: "ListLocations",
      summary: "Regions and sites by name, with the regions above them",
      query: { name: NAME, showSites: { type: "boolean" }, showRegions: { type: "boolean" } },
      response: "ListLocationsResponse",
      handle: (call) => {
        const { name, showSites, showRegions } = call.query;
        if (typeof name !== "string") throw refusal("name", "is needed");
        const kinds = [...(showRegions === true ? [Region] : []), ...(showSites === true ? [Site] : [])];
        if (kinds.length === 0) throw refusal("showSites", "it or showRegions must be true");
        return resources.read(call, ({ view, tenant }) => search(view, tenant.id, { name, kinds }));
      },
    },
  ];
}

async function search(
  view: View,
  tenant: string,
  { name, kinds }: { readonly name: string; readonly kinds: readonly Kind[] },
): Promise<object> {
  const nodes = new Map<string, LocationNode>();
  let totalElements = 0;
  for (const kind of kinds) {
    const where = { is: "compare", path: ["name"], operator: "contains", value: name } as const;
    const found = await view.list(kind, { tenant, where, limit: MOST_OF_A_KIND });
    totalElements += found.total;
    for (const resource of found.resources) nodes.set(resource.resourceId, nodeOf(kind, resource));
  }
  const outputElements = nodes.size;
  await addRegionsAbove(view, tenant, nodes);
  return { nodes: [...nodes.values()], totalElements, outputElements };
}

async function addRegionsAbove(view: View, tenant: string, nodes: Map<string, LocationNode>): Promise<void> {
  for (let level = 0; level < DEEPEST; level++) {
    const parents = [...nodes.values()].map(({ parentId }) => parentId);
    const missing = [...new Set(parents)].filter((id) => id !== "" && !nodes.has(id));
    if (missing.length === 0) return;
    const regions = await view.getMany(Region, tenant, missing);
    for (const region of regions.values()) nodes.set(region.resourceId, nodeOf(Region, region));
  }
}

function nodeOf(kind: Kind, resource: Resource): LocationNode {
  const isSite = kind.name === Site.name;
  return {
    resourceId: resource.resourceId,
    parentId: String(fieldValue(resource, isSite ? "regionId" : "parentId") ?? ""),
    name: String(fieldValue(resource, "name") ?? ""),
    type: isSite ? "RESOURCE_KIND_SITE" : "RESOURCE_KIND_REGION",
  };
}
