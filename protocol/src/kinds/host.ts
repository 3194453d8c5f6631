import { type Static, Type } from "typebox";
import { HostGpu, HostNic, HostStorage, HostUsb } from "./host-components.ts";
import * as states from "./host-states.ts";
import { components, hiddenReference, kind, observed, operator, reference } from "./kind.ts";
import { InheritedMetadata, Metadata, Name, statusTriplet, Uint32, Uint64 } from "./values.ts";

export * from "./host-components.ts";
export * from "./host-states.ts";

const Text = Type.String();
const Uuid = Type.String({
  maxLength: 36,
  pattern: "^$|^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
});

/** A physical machine. Operators choose what it should be; its site reports what it is. */
export const Host = kind({
  name: "host",
  prefix: "host",
  schemaName: "HostResource",
  feed: "machine",
  deletion: "two-phase",
  fields: {
    name: operator(Name, { required: true }),
    desiredState: operator(states.HostState, { initial: "HOST_STATE_UNSPECIFIED" }),
    currentState: observed(states.HostState, { initial: "HOST_STATE_UNSPECIFIED" }),
    siteId: reference("site", { embedAs: "site", maxLength: 13, pattern: "^$|^site-[0-9a-f]{8}$" }),
    providerId: hiddenReference("provider", "provider"),
    note: operator(Type.String({ minLength: 1, maxLength: 512, pattern: '^$|^[a-zA-Z-_0-9./:;=@?!#,<>*()" ]+$' }), {
      readOnly: true,
    }),
    serialNumber: operator(Text, { readOnly: true, immutable: true }),
    uuid: operator(Uuid, { immutable: true }),
    uuidDerived: observed(
      Type.Boolean({ description: "firmware offers no UUID: this one comes from the machine-id" }),
      { group: "hardware" },
    ),

    memoryBytes: observed(Uint64, { group: "hardware" }),
    cpuModel: observed(Text, { group: "hardware" }),
    cpuSockets: observed(Uint32, { group: "hardware" }),
    cpuCores: observed(Uint32, { group: "hardware" }),
    cpuCapabilities: observed(Text, { group: "hardware" }),
    cpuArchitecture: observed(Text, { group: "hardware" }),
    cpuThreads: observed(Uint32, { group: "hardware" }),
    cpuTopology: observed(Text, { group: "hardware" }),
    bmcKind: observed(states.BaremetalControllerKind, {
      group: "hardware",
      initial: "BAREMETAL_CONTROLLER_KIND_UNSPECIFIED",
    }),
    bmcIp: observed(Text, { group: "hardware" }),
    hostname: observed(Text, { group: "hardware" }),
    productName: observed(Text, { group: "hardware" }),
    biosVersion: observed(Text, { group: "hardware" }),
    biosReleaseDate: observed(Text, { group: "hardware" }),
    biosVendor: observed(Text, { group: "hardware" }),
    hostStorages: components(HostStorage),
    hostNics: components(HostNic),
    hostUsbs: components(HostUsb),
    hostGpus: components(HostGpu),

    desiredPowerState: operator(states.PowerState, { initial: "POWER_STATE_UNSPECIFIED" }),
    currentPowerState: observed(states.PowerState, { group: "power", initial: "POWER_STATE_UNSPECIFIED" }),
    powerCommandPolicy: operator(states.PowerCommandPolicy, { initial: "POWER_COMMAND_POLICY_UNSPECIFIED" }),
    powerOnTime: observed(Uint32, { group: "power" }),
    ...statusTriplet("powerStatus", "Unknown"),
    ...statusTriplet("hostStatus", "Not Connected"),
    ...statusTriplet("onboardingStatus", "Not Connected"),
    ...statusTriplet("registrationStatus", "Unknown"),

    amtSku: observed(states.AmtSku, { initial: "AMT_SKU_UNSPECIFIED" }),
    desiredAmtState: operator(states.AmtState, { initial: "AMT_STATE_UNSPECIFIED" }),
    currentAmtState: observed(states.AmtState, { initial: "AMT_STATE_UNSPECIFIED" }),
    ...statusTriplet("amtStatus", "Unknown"),
    userLvmSize: operator(Uint32, { readOnly: true, initial: 0 }),
    amtControlMode: operator(states.AmtControlMode, { initial: "AMT_CONTROL_MODE_UNSPECIFIED" }),
    amtDnsSuffix: operator(Type.String({ maxLength: 1024 }), { initial: "" }),
    kvmStatus: observed(states.KvmStatus, { initial: "KVM_STATUS_UNSPECIFIED" }),
    desiredKvmState: operator(states.KvmState, { initial: "KVM_STATE_UNSPECIFIED" }),
    currentKvmState: observed(states.KvmState, { initial: "KVM_STATE_UNSPECIFIED" }),
    kvmSessionStatus: observed(Type.String({ maxLength: 1024 })),
    solStatus: observed(states.SolStatus, { initial: "SOL_STATUS_UNSPECIFIED" }),
    desiredSolState: operator(states.SolState, { initial: "SOL_STATE_UNSPECIFIED" }),
    currentSolState: observed(states.SolState, { initial: "SOL_STATE_UNSPECIFIED" }),
    solSessionStatus: observed(Type.String({ maxLength: 1024 })),
    metadata: operator(Metadata, { initial: [] }),
  },
  derived: { inheritedMetadata: InheritedMetadata },
  rest: {
    collections: ["compute/hosts"],
    listKey: "hosts",
    plural: "Hosts",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});

/** `POST …/hosts/register`: a machine that is expected, known by serial number or UUID. */
export const HostRegister = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: 20, pattern: "^$|^[a-zA-Z-_0-9./: ]+$" })),
    serialNumber: Type.Optional(Type.String({ pattern: "^([A-Za-z0-9]{5,20})?$" })),
    uuid: Type.Optional(Uuid),
    autoOnboard: Type.Optional(Type.Boolean()),
    enableVpro: Type.Optional(Type.Boolean()),
    userLvmSize: Type.Optional(Uint32),
  },
  { title: "HostRegister", additionalProperties: false },
);
export type HostRegister = Static<typeof HostRegister>;
