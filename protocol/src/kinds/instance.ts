import { Type } from "typebox";
import { enumeration, kind, observed, operator, reference, references } from "./kind.ts";
import { SecurityFeature, statusTriplet } from "./values.ts";

export const InstanceKind = enumeration("InstanceKind", ["INSTANCE_KIND_UNSPECIFIED", "INSTANCE_KIND_METAL"]);

export const InstanceState = enumeration("InstanceState", [
  "INSTANCE_STATE_UNSPECIFIED",
  "INSTANCE_STATE_RUNNING",
  "INSTANCE_STATE_DELETED",
  "INSTANCE_STATE_UNTRUSTED",
]);

const Cves = Type.String({
  maxLength: 500_000,
  pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*+~()"\\\\À-ÿ \\\\n\\{\\}\\[\\]]+$',
});

/** An operating system on a host: at most one on each. */
export const Instance = kind({
  name: "instance",
  prefix: "inst",
  schemaName: "InstanceResource",
  aliasIds: ["instanceID"],
  feed: "machine",
  follows: "hostID",
  deletion: "two-phase",
  fields: {
    kind: operator(InstanceKind, { initial: "INSTANCE_KIND_UNSPECIFIED", immutable: true }),
    name: operator(Type.String({ maxLength: 50, pattern: "^$|^[a-zA-Z-_0-9./: ]+$" }), { initial: "" }),
    desiredState: operator(InstanceState, { initial: "INSTANCE_STATE_UNSPECIFIED" }),
    currentState: observed(InstanceState, { initial: "INSTANCE_STATE_UNSPECIFIED" }),
    hostID: reference("host", {
      embedAs: "host",
      shownThere: { as: "instance", many: false },
      maxLength: 13,
      pattern: "^host-[0-9a-f]{8}$",
      required: true,
      immutable: true,
    }),
    osID: reference("operating_system", {
      embedAs: "os",
      maxLength: 11,
      pattern: "^os-[0-9a-f]{8}$",
      required: true,
    }),
    localAccountID: reference("local_account", {
      embedAs: "localaccount",
      maxLength: 21,
      pattern: "^localaccount-[0-9a-f]{8}$",
    }),
    osUpdatePolicyID: reference("os_update_policy", {
      embedAs: "updatePolicy",
      maxLength: 23,
      pattern: "^osupdatepolicy-[0-9a-f]{8}$",
    }),
    customConfigID: references("custom_config", {
      embedAs: "customConfig",
      maxLength: 21,
      pattern: "^customconfig-[0-9a-f]{8}$",
    }),
    securityFeature: operator(SecurityFeature, { initial: "SECURITY_FEATURE_UNSPECIFIED", immutable: true }),
    ...statusTriplet("instanceStatus", "Not Installed"),
    instanceStatusDetail: observed(Type.String({ maxLength: 1024, pattern: "^$|^[a-zA-Z-_0-9./:;=?@!#,<>*() ]+$" })),
    ...statusTriplet("provisioningStatus", "Not Provisioned"),
    ...statusTriplet("updateStatus", "No Current Update"),
    ...statusTriplet("trustedAttestationStatus", "Unknown"),
    existingCves: observed(Cves),
    runtimePackages: observed(
      Type.String({ maxLength: 500_000, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*+~()"\\\\ \\\\n\\{\\}\\[\\]]+$' }),
    ),
    osUpdateAvailable: observed(Type.String({ maxLength: 500_000 })),
  },
  unique: [["hostID"]],
  rest: {
    collections: ["compute/instances"],
    listKey: "instances",
    plural: "Instances",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});
