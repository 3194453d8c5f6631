import { Type } from "typebox";
import { enumeration, kind, operator, reference } from "./kind.ts";
import { Name } from "./values.ts";

export const UpdatePolicy = enumeration("UpdatePolicy", [
  "UPDATE_POLICY_UNSPECIFIED",
  "UPDATE_POLICY_LATEST",
  "UPDATE_POLICY_TARGET",
]);

/** What an operating system is updated to, and from where. */
export const OsUpdatePolicy = kind({
  name: "os_update_policy",
  prefix: "osupdatepolicy",
  schemaName: "OSUpdatePolicy",
  deletion: "retired",
  fields: {
    name: operator(Name, { required: true, immutable: true }),
    description: operator(Type.String({ maxLength: 200, pattern: "^$|^[a-zA-Z-_0-9./:;=?@!#,<>*() ]+$" }), {
      immutable: true,
    }),
    updateSources: operator(
      Type.Array(Type.String({ maxLength: 10_000, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*+()\\[\\]" \\n]+$' }), {
        maxItems: 100,
      }),
      { initial: [], immutable: true },
    ),
    updatePackages: operator(
      Type.String({ maxLength: 500_000, pattern: "^$|^[A-Za-z0-9._/:;=@?!#,<>\\-*+~()\\[\\]{} \\n]+$" }),
      { immutable: true },
    ),
    updateKernelCommand: operator(Type.String({ maxLength: 500, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()" ]+$' }), {
      immutable: true,
    }),
    targetOsId: reference("operating_system", {
      embedAs: "targetOs",
      maxLength: 11,
      pattern: "^os-[0-9a-f]{8}$",
      immutable: true,
    }),
    updatePolicy: operator(UpdatePolicy, { initial: "UPDATE_POLICY_UNSPECIFIED", immutable: true }),
  },
  rest: {
    collections: ["os-update-policies", "os_update_policy"],
    listKey: "osUpdatePolicies",
    plural: "OSUpdatePolicy",
    operations: ["list", "create", "get", "delete"],
  },
});
