import { Type } from "typebox";
import { enumeration, kind, operator, reference } from "./kind.ts";
import { Name } from "./values.ts";

/**
 * Kinds that others embed and that the API does not serve yet: declared for the shape of those that do. Nothing can
 * refer to one, for none exists.
 */
const AccountName = Type.String({ pattern: "^[a-z][a-z0-9-]{0,31}$", maxLength: 32 });

/** An account that is made on a machine at installation. */
export const LocalAccount = kind({
  name: "local_account",
  prefix: "localaccount",
  schemaName: "LocalAccountResource",
  aliasIds: ["localAccountID"],
  fields: {
    username: operator(AccountName, { required: true, immutable: true }),
    sshKey: operator(
      Type.String({ maxLength: 800, pattern: "^(ssh-ed25519|ecdsa-sha2-nistp521) ([A-Za-z0-9+/=]+) ?(.*)?$" }),
      { required: true, immutable: true },
    ),
  },
});

/** A piece of first-boot configuration. */
export const CustomConfig = kind({
  name: "custom_config",
  prefix: "customconfig",
  schemaName: "CustomConfigResource",
  fields: {
    name: operator(Type.String({ maxLength: 40, pattern: "^[a-z][a-z0-9-]{0,31}$" }), { required: true }),
    description: operator(
      Type.String({ minLength: 1, maxLength: 256, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()" ]+$' }),
    ),
    config: operator(Type.String({ maxLength: 16_384 }), { required: true }),
  },
});

const UpdatePolicy = enumeration("UpdatePolicy", [
  "UPDATE_POLICY_UNSPECIFIED",
  "UPDATE_POLICY_LATEST",
  "UPDATE_POLICY_TARGET",
]);

/** What an operating system is updated to, and from where. */
export const OsUpdatePolicy = kind({
  name: "os_update_policy",
  prefix: "osupdatepolicy",
  schemaName: "OSUpdatePolicy",
  fields: {
    name: operator(Name, { required: true }),
    description: operator(Type.String({ maxLength: 200, pattern: "^$|^[a-zA-Z-_0-9./:;=?@!#,<>*() ]+$" })),
    updateSources: operator(
      Type.Array(Type.String({ pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*+()\\[\\]" \\n]+$' }), { maxItems: 100 }),
      { initial: [] },
    ),
    updatePackages: operator(
      Type.String({ maxLength: 500_000, pattern: "^$|^[A-Za-z0-9._/:;=@?!#,<>\\-*+~()\\[\\]{} \\n]+$" }),
    ),
    updateKernelCommand: operator(Type.String({ maxLength: 500, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()" ]+$' })),
    targetOsId: reference("operating_system", {
      embedAs: "targetOs",
      maxLength: 11,
      pattern: "^os-[0-9a-f]{8}$",
    }),
    updatePolicy: operator(UpdatePolicy, { initial: "UPDATE_POLICY_UNSPECIFIED" }),
  },
});

const WorkloadKind = enumeration("WorkloadKind", ["WORKLOAD_KIND_UNSPECIFIED", "WORKLOAD_KIND_CLUSTER"]);

/** A set of instances that belong together. */
export const Workload = kind({
  name: "workload",
  prefix: "workload",
  schemaName: "WorkloadResource",
  aliasIds: ["workloadId"],
  fields: {
    kind: operator(WorkloadKind, { required: true }),
    name: operator(Name, { initial: "" }),
    externalId: operator(Type.String({ maxLength: 40, pattern: "^$|^[a-zA-Z-_0-9./: ]+$" }), { initial: "" }),
    status: operator(Type.String({ maxLength: 500, pattern: "^$|^[a-zA-Z-_0-9./:;=?@!#,<>*() ]+$" }), {
      initial: "",
    }),
  },
});

const WorkloadMemberKind = enumeration("WorkloadMemberKind", [
  "WORKLOAD_MEMBER_KIND_UNSPECIFIED",
  "WORKLOAD_MEMBER_KIND_CLUSTER_NODE",
]);

/** That an instance belongs to a workload. */
export const WorkloadMember = kind({
  name: "workload_member",
  prefix: "workloadmember",
  schemaName: "WorkloadMember",
  aliasIds: ["workloadMemberId"],
  fields: {
    kind: operator(WorkloadMemberKind, { required: true }),
    workloadId: reference("workload", {
      embedAs: "workload",
      maxLength: 17,
      pattern: "^workload-[0-9a-f]{8}$",
      required: true,
    }),
    instanceId: reference("instance", {
      embedAs: "instance",
      maxLength: 13,
      pattern: "^inst-[0-9a-f]{8}$",
      required: true,
    }),
  },
});
