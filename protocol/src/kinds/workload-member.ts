import { enumeration, kind, operator, reference } from "./kind.ts";

export const WorkloadMemberKind = enumeration("WorkloadMemberKind", [
  "WORKLOAD_MEMBER_KIND_UNSPECIFIED",
  "WORKLOAD_MEMBER_KIND_CLUSTER_NODE",
]);

/** That an instance belongs to a workload; it belongs to at most one. */
export const WorkloadMember = kind({
  name: "workload_member",
  prefix: "workloadmember",
  schemaName: "WorkloadMember",
  aliasIds: ["workloadMemberId"],
  follows: "instanceId",
  fields: {
    kind: operator(WorkloadMemberKind, { required: true, immutable: true }),
    workloadId: reference("workload", {
      embedAs: "workload",
      shownThere: { as: "members", many: true },
      maxLength: 17,
      pattern: "^workload-[0-9a-f]{8}$",
      required: true,
      immutable: true,
    }),
    instanceId: reference("instance", {
      embedAs: "instance",
      alsoAs: "member",
      shownThere: { as: "workloadMembers", many: true },
      maxLength: 13,
      pattern: "^inst-[0-9a-f]{8}$",
      required: true,
      immutable: true,
    }),
  },
  unique: [["instanceId"]],
  rest: {
    collections: ["workload_members"],
    listKey: "workloadMembers",
    plural: "WorkloadMembers",
    operations: ["list", "create", "get", "delete"],
  },
});
