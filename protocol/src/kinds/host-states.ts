import { enumeration } from "./kind.ts";

export const HostState = enumeration("HostState", [
  "HOST_STATE_UNSPECIFIED",
  "HOST_STATE_DELETED",
  "HOST_STATE_ONBOARDED",
  "HOST_STATE_UNTRUSTED",
  "HOST_STATE_REGISTERED",
]);

export const PowerState = enumeration("PowerState", [
  "POWER_STATE_UNSPECIFIED",
  "POWER_STATE_ON",
  "POWER_STATE_OFF",
  "POWER_STATE_SLEEP",
  "POWER_STATE_HIBERNATE",
  "POWER_STATE_RESET",
  "POWER_STATE_POWER_CYCLE",
  "POWER_STATE_RESET_REPEAT",
]);

export const PowerCommandPolicy = enumeration("PowerCommandPolicy", [
  "POWER_COMMAND_POLICY_UNSPECIFIED",
  "POWER_COMMAND_POLICY_IMMEDIATE",
  "POWER_COMMAND_POLICY_ORDERED",
]);

export const BaremetalControllerKind = enumeration("BaremetalControllerKind", [
  "BAREMETAL_CONTROLLER_KIND_UNSPECIFIED",
  "BAREMETAL_CONTROLLER_KIND_NONE",
  "BAREMETAL_CONTROLLER_KIND_IPMI",
  "BAREMETAL_CONTROLLER_KIND_VPRO",
  "BAREMETAL_CONTROLLER_KIND_PDU",
]);

export const AmtSku = enumeration("AmtSku", ["AMT_SKU_UNSPECIFIED", "AMT_SKU_AMT", "AMT_SKU_ISM"]);

export const AmtState = enumeration("AmtState", [
  "AMT_STATE_UNSPECIFIED",
  "AMT_STATE_PROVISIONED",
  "AMT_STATE_UNPROVISIONED",
  "AMT_STATE_DISCONNECTED",
]);

export const AmtControlMode = enumeration("AmtControlMode", [
  "AMT_CONTROL_MODE_UNSPECIFIED",
  "AMT_CONTROL_MODE_ACM",
  "AMT_CONTROL_MODE_CCM",
]);

export const KvmState = enumeration("KvmState", [
  "KVM_STATE_UNSPECIFIED",
  "KVM_STATE_START",
  "KVM_STATE_STOP",
  "KVM_STATE_AWAITING_CONSENT",
  "KVM_STATE_ERROR",
  "KVM_CONSENT_RECEIVED",
  "KVM_REDIRECTION_RECEIVED",
]);

export const KvmStatus = enumeration("KvmStatus", [
  "KVM_STATUS_UNSPECIFIED",
  "KVM_STATUS_ACTIVATED",
  "KVM_STATUS_DEACTIVATED",
]);

export const SolState = enumeration("SolState", [
  "SOL_STATE_UNSPECIFIED",
  "SOL_STATE_START",
  "SOL_STATE_STOP",
  "SOL_STATE_AWAITING_CONSENT",
  "SOL_STATE_ERROR",
  "SOL_STATE_CONSENT_RECEIVED",
  "SOL_STATE_REDIRECTION_RECEIVED",
]);

export const SolStatus = enumeration("SolStatus", [
  "SOL_STATUS_UNSPECIFIED",
  "SOL_STATUS_ACTIVATED",
  "SOL_STATUS_DEACTIVATED",
]);
