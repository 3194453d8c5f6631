import { Type } from "typebox";
import { kind, operator, reference } from "./kind.ts";
import { InheritedMetadata, Metadata, Name } from "./values.ts";

/** A node of the tree that sites hang on: country, state, city. At most five levels deep. */
export const Region = kind({
  name: "region",
  prefix: "region",
  schemaName: "RegionResource",
  aliasIds: ["regionID"],
  fields: {
    name: operator(Name, { initial: "" }),
    parentId: reference("region", {
      embedAs: "parentRegion",
      neverNull: true,
      maxLength: 15,
      pattern: "^$|^region-[0-9a-f]{8}$",
    }),
    metadata: operator(Metadata, { initial: [] }),
  },
  derived: { inheritedMetadata: InheritedMetadata, totalSites: Type.Integer({ minimum: 0 }) },
  rest: {
    collections: ["regions"],
    listKey: "regions",
    plural: "Regions",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});
