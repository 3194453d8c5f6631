import { Type } from "typebox";
import { enumeration, kind, operator } from "./kind.ts";
import { Name } from "./values.ts";

export const WorkloadKind = enumeration("WorkloadKind", ["WORKLOAD_KIND_UNSPECIFIED", "WORKLOAD_KIND_CLUSTER"]);

/** A set of instances that belong together. */
export const Workload = kind({
  name: "workload",
  prefix: "workload",
  schemaName: "WorkloadResource",
  aliasIds: ["workloadId"],
  fields: {
    kind: operator(WorkloadKind, { required: true, immutable: true }),
    name: operator(Name, { initial: "" }),
    externalId: operator(Type.String({ maxLength: 40, pattern: "^$|^[a-zA-Z-_0-9./: ]+$" }), { initial: "" }),
    status: operator(Type.String({ maxLength: 500, pattern: "^$|^[a-zA-Z-_0-9./:;=?@!#,<>*() ]+$" }), {
      initial: "",
    }),
  },
  unique: [["externalId"]],
  rest: {
    collections: ["workloads", "compute/workloads"],
    listKey: "workloads",
    plural: "Workloads",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});
