import type { Host } from "@holdfast/protocol/kinds/host";
import type { HostGpu, HostNic, HostStorage, HostUsb } from "@holdfast/protocol/kinds/host-components";
import type { FieldsOf, Part } from "@holdfast/protocol/kinds/kind";
import type { CoreGroup, Gpu, HardwareReport, Nic, Storage, Usb } from "@holdfast/protocol/messages";

/** The hardware of a host as the API shows it; what the machine could not read is absent. */
export type HardwareFields = Pick<
  FieldsOf<typeof Host>,
  | "uuidDerived"
  | "memoryBytes"
  | "cpuModel"
  | "cpuSockets"
  | "cpuCores"
  | "cpuThreads"
  | "cpuArchitecture"
  | "cpuCapabilities"
  | "cpuTopology"
  | "bmcKind"
  | "bmcIp"
  | "hostname"
  | "productName"
  | "biosVersion"
  | "biosReleaseDate"
  | "biosVendor"
  | "hostStorages"
  | "hostNics"
  | "hostUsbs"
  | "hostGpus"
>;

/** All of them, so that what a later report leaves out is taken away. */
export const HARDWARE_FIELDS: readonly (keyof HardwareFields)[] = [
  ...(["uuidDerived", "memoryBytes", "cpuModel", "cpuSockets", "cpuCores", "cpuThreads", "cpuArchitecture"] as const),
  ...(["cpuCapabilities", "cpuTopology", "bmcKind", "bmcIp", "hostname", "productName"] as const),
  ...(["biosVersion", "biosReleaseDate", "biosVendor", "hostStorages", "hostNics", "hostUsbs", "hostGpus"] as const),
];

/** What a hardware report says, in the fields of a host. */
export function observationFrom(report: HardwareReport): HardwareFields {
  const { system, cpu, memory, bmc, os } = report;
  return present({
    uuidDerived: system?.uuidDerived,
    memoryBytes: memory?.bytes === undefined ? undefined : String(memory.bytes),
    cpuModel: cpu?.model,
    cpuSockets: cpu?.sockets,
    cpuCores: cpu?.cores,
    cpuThreads: cpu?.threads,
    cpuArchitecture: cpu?.architecture,
    cpuCapabilities: cpu?.flags.length ? cpu.flags.join(",") : undefined,
    cpuTopology: cpu?.topology.length ? topologyText(cpu.topology) : undefined,
    bmcKind: bmcKind(report),
    bmcIp: bmc?.address,
    hostname: os?.hostname,
    productName: system?.productName,
    biosVersion: system?.biosVersion,
    biosReleaseDate: system?.biosReleaseDate,
    biosVendor: system?.biosVendor,
    hostStorages: report.storages.map(storage),
    hostNics: report.nics.map((each) => nic(each, bmc?.address)),
    hostUsbs: report.usbs.map(usb),
    hostGpus: report.gpus.map(gpu),
  });
}

/** Redfish and IPMI are two ways to the same controller; a machine that speaks of none is not said to have none. */
function bmcKind({ bmc }: HardwareReport): HardwareFields["bmcKind"] {
  return bmc?.kind === undefined ? "BAREMETAL_CONTROLLER_KIND_UNSPECIFIED" : "BAREMETAL_CONTROLLER_KIND_IPMI";
}

/** The words that EIM's clients know for the kinds of cores; of a kind that the kernel does not tell nothing is said. */
const CORE_TYPES: Readonly<Record<string, string>> = { performance: "P-Core", efficiency: "E-Core" };

function topologyText(groups: readonly CoreGroup[]): string {
  const sockets = new Map<number, Map<string | undefined, number[]>>();
  for (const { package: socket, core, kind } of groups) {
    if (socket === undefined || core === undefined) continue;
    const byType = sockets.get(socket) ?? new Map<string | undefined, number[]>();
    const type = CORE_TYPES[kind ?? ""];
    byType.set(type, [...(byType.get(type) ?? []), core]);
    sockets.set(socket, byType);
  }
  const listed = [...sockets].map(([socket, byType]) => ({
    socket_id: socket,
    // JSON leaves out what is undefined.
    core_groups: [...byType].map(([type, cores]) => ({ core_type: type, core_list: cores })),
  }));
  return JSON.stringify({ sockets: listed });
}

function storage({ deviceName, wwid, serial, vendor, model, capacityBytes }: Storage): Part<typeof HostStorage> {
  const capacity = capacityBytes === undefined ? undefined : String(capacityBytes);
  return present({ deviceName, wwid, serial, vendor, model, capacityBytes: capacity });
}

function nic(of: Nic, bmcAddress: string | undefined): Part<typeof HostNic> {
  const addresses = of.addresses.map(({ address, dynamic }) =>
    present({
      address,
      status: "IP_ADDRESS_STATUS_CONFIGURED" as const,
      configMethod:
        dynamic === undefined
          ? undefined
          : dynamic
            ? ("IP_ADDRESS_CONFIG_METHOD_DYNAMIC" as const)
            : ("IP_ADDRESS_CONFIG_METHOD_STATIC" as const),
    }),
  );
  return present({
    deviceName: of.deviceName,
    pciIdentifier: of.pciAddress,
    macAddr: of.macAddress,
    sriovEnabled: of.sriovEnabled,
    sriovVfsNum: of.sriovVfs,
    sriovVfsTotal: of.sriovVfsTotal,
    mtu: of.mtu,
    linkState: of.linkUp === undefined ? undefined : { type: linkState(of.linkUp ? "UP" : "DOWN") },
    bmcInterface: bmcAddress !== undefined && of.addresses.some(({ address }) => address.split("/")[0] === bmcAddress),
    ipaddresses: addresses,
  });
}

function linkState<S extends "UP" | "DOWN">(state: S) {
  return `NETWORK_INTERFACE_LINK_STATE_${state}` as const;
}

function usb({ vendorId, productId, bus, address, class: usbClass, serial, deviceName }: Usb): Part<typeof HostUsb> {
  return present({ idVendor: vendorId, idProduct: productId, bus, addr: address, class: usbClass, serial, deviceName });
}

function gpu({ pciAddress, product, vendor, deviceName, capabilities }: Gpu): Part<typeof HostGpu> {
  return present({ pciId: pciAddress, product, vendor, description: product, deviceName, capabilities });
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function present<T extends object>(value: T): Partial<Present<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<Present<T>>;
}
