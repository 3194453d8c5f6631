import type { Bmc } from "@holdfast/protocol/messages";
import { type Firmware, ofType, SMBIOS } from "./firmware.ts";
import { onlyKnown } from "./known.ts";
import { byteAt, type Structure } from "./smbios.ts";
import type { Tree } from "./tree.ts";

/**
 * The machine's management controller, when firmware or a driver shows one. Its address on the management network is known to
 * nobody but itself without an IPMI request, and so left out.
 */
export async function readBmc(tree: Tree, firmware: Firmware): Promise<Bmc | undefined> {
  const ipmi = ofType(firmware, SMBIOS.ipmi)[0];
  const driver = ((await tree.list("/sys/class/ipmi")) ?? []).length > 0;
  const redfish = ofType(firmware, SMBIOS.hostInterface)
    .map(redfishService)
    .find((service) => service !== undefined);
  if (ipmi === undefined && !driver && redfish === undefined) return undefined;
  return onlyKnown<Bmc>({
    kind: ipmi !== undefined || driver ? "ipmi" : "redfish",
    interface: ipmi && INTERFACES.get(byteAt(ipmi, 0x04) ?? 0),
    hostInterfaceAddress: redfish?.address,
  });
}

/** §7.39.1. */
const INTERFACES: ReadonlyMap<number, string> = new Map([
  [1, "KCS"],
  [2, "SMIC"],
  [3, "BT"],
  [4, "SSIF"],
]);

const NETWORK_HOST_INTERFACE = 0x40;
const REDFISH_OVER_IP = 0x04;

/** The Redfish service that a network host interface leads to (§7.43, DSP0270 §7); its address when it is fixed. */
function redfishService(structure: Structure): { address: string | undefined } | undefined {
  if (byteAt(structure, 0x04) !== NETWORK_HOST_INTERFACE) return undefined;
  let at = 0x06 + (byteAt(structure, 0x05) ?? 0);
  const protocols = byteAt(structure, at) ?? 0;
  at += 1;
  for (let protocol = 0; protocol < protocols; protocol++) {
    const length = byteAt(structure, at + 1);
    if (length === undefined) return undefined;
    const data = structure.formatted.subarray(at + 2, at + 2 + length);
    if (byteAt(structure, at) === REDFISH_OVER_IP) return { address: serviceAddress(data) };
    at += 2 + length;
  }
  return undefined;
}

/** DSP0270 §7.3: format at 51 (1 IPv4, 2 IPv6), address at 52. All zeroes until the BMC has one. */
function serviceAddress(data: Buffer): string | undefined {
  const bytes = data.subarray(52, data[51] === 1 ? 56 : 68);
  if (bytes.every((byte) => byte === 0)) return undefined;
  if (data[51] === 1 && bytes.length === 4) return bytes.join(".");
  if (data[51] !== 2 || bytes.length !== 16) return undefined;
  const groups = bytes.toString("hex").match(/.{4}/g)?.join(":");
  return groups === undefined ? undefined : new URL(`http://[${groups}]/`).hostname.slice(1, -1);
}
