import { Type } from "typebox";
import { hiddenReference, kind, operator, reference } from "./kind.ts";
import { InheritedMetadata, Metadata, Name } from "./values.ts";

/** A place with machines and one site-node. Latitude and longitude are degrees times ten million. */
export const Site = kind({
  name: "site",
  prefix: "site",
  schemaName: "SiteResource",
  aliasIds: ["siteID"],
  fields: {
    name: operator(Name, { initial: "" }),
    regionId: reference("region", {
      embedAs: "region",
      neverNull: true,
      maxLength: 15,
      pattern: "^$|^region-[0-9a-f]{8}$",
    }),
    siteLat: operator(Type.Integer({ minimum: -900_000_000, maximum: 900_000_000 }), { initial: 0 }),
    siteLng: operator(Type.Integer({ minimum: -1_800_000_000, maximum: 1_800_000_000 }), { initial: 0 }),
    providerId: hiddenReference("provider", "provider"),
    metadata: operator(Metadata, { initial: [] }),
  },
  derived: { inheritedMetadata: InheritedMetadata },
  rest: {
    collections: ["sites", "regions/{regionId}/sites"],
    listKey: "sites",
    plural: "Sites",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});
