import { Type } from "typebox";
import { component, enumeration } from "./kind.ts";
import { Timestamps, Uint64 } from "./values.ts";

export const LinkState = enumeration("LinkState", [
  "NETWORK_INTERFACE_LINK_STATE_UNSPECIFIED",
  "NETWORK_INTERFACE_LINK_STATE_UP",
  "NETWORK_INTERFACE_LINK_STATE_DOWN",
]);

const IpAddressStatus = enumeration("IPAddressStatus", [
  "IP_ADDRESS_STATUS_UNSPECIFIED",
  "IP_ADDRESS_STATUS_ASSIGNMENT_ERROR",
  "IP_ADDRESS_STATUS_ASSIGNED",
  "IP_ADDRESS_STATUS_CONFIGURATION_ERROR",
  "IP_ADDRESS_STATUS_CONFIGURED",
  "IP_ADDRESS_STATUS_RELEASED",
  "IP_ADDRESS_STATUS_ERROR",
]);

const IpAddressConfigMethod = enumeration("IPAddressConfigMethod", [
  "IP_ADDRESS_CONFIG_METHOD_UNSPECIFIED",
  "IP_ADDRESS_CONFIG_METHOD_STATIC",
  "IP_ADDRESS_CONFIG_METHOD_DYNAMIC",
]);

const IpAddress = Type.Object(
  {
    resourceId: Type.Optional(Type.String({ maxLength: 15, pattern: "^ipaddr-[0-9a-f]{8}$" })),
    address: Type.Optional(Type.String()),
    status: Type.Optional(IpAddressStatus),
    statusDetail: Type.Optional(Type.String()),
    configMethod: Type.Optional(IpAddressConfigMethod),
    timestamps: Type.Optional(Timestamps),
  },
  { title: "IPAddressResource" },
);

const NicLinkState = Type.Object(
  { type: Type.Optional(LinkState), timestamps: Type.Optional(Timestamps) },
  { title: "NetworkInterfaceLinkState" },
);

/** A network port. */
export const HostNic = component("host_nic", "HostnicResource", {
  deviceName: Type.String(),
  pciIdentifier: Type.String(),
  macAddr: Type.String(),
  sriovEnabled: Type.Boolean(),
  sriovVfsNum: Type.Integer(),
  sriovVfsTotal: Type.Integer(),
  mtu: Type.Integer(),
  linkState: NicLinkState,
  bmcInterface: Type.Boolean(),
  ipaddresses: Type.Array(IpAddress),
});

/** A disk. */
export const HostStorage = component("host_storage", "HoststorageResource", {
  wwid: Type.String(),
  serial: Type.String(),
  vendor: Type.String(),
  model: Type.String(),
  capacityBytes: Uint64,
  deviceName: Type.String(),
});

/** A USB device. */
export const HostUsb = component("host_usb", "HostusbResource", {
  idVendor: Type.String(),
  idProduct: Type.String(),
  bus: Type.Integer(),
  addr: Type.Integer(),
  class: Type.String(),
  serial: Type.String(),
  deviceName: Type.String(),
});

/** A graphics or compute processor. */
export const HostGpu = component("host_gpu", "HostgpuResource", {
  pciId: Type.String(),
  product: Type.String(),
  vendor: Type.String(),
  description: Type.String(),
  deviceName: Type.String(),
  capabilities: Type.Array(Type.String()),
});
