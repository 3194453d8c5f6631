import type { Dimm, Memory } from "@holdfast/protocol/messages";
import { type Firmware, ofType, SMBIOS } from "./firmware.ts";
import { distinctive, meaningful } from "./identifiers.ts";
import { anyKnown, onlyKnown } from "./known.ts";
import { managedBytes } from "./memory-total.ts";
import { byteAt, doubleWordAt, type Structure, stringAt, wordAt } from "./smbios.ts";
import type { Tree } from "./tree.ts";

/** The machine's memory. Modules are listed only when firmware lists them; none is made up from the total. */
export async function readMemory(tree: Tree, firmware: Firmware): Promise<Memory | undefined> {
  const dimms = readDimms(firmware);
  const managed = await managedBytes(tree);
  const installed = sumOf(dimms);
  // Firmware that lists less than the kernel has in use does not list everything.
  const bytes = installed !== undefined && installed >= (managed ?? 0) ? installed : managed;
  return anyKnown<Memory>({ bytes, dimms });
}

function sumOf(dimms: readonly Dimm[]): number | undefined {
  if (dimms.length === 0 || dimms.some((dimm) => dimm.bytes === undefined)) return undefined;
  return dimms.reduce((sum, dimm) => sum + (dimm.bytes ?? 0), 0);
}

const SYSTEM_MEMORY = 3; // §7.17.2

function readDimms(firmware: Firmware): Dimm[] {
  const usedFor = new Map(ofType(firmware, SMBIOS.memoryArray).map((array) => [array.handle, byteAt(array, 0x05)]));
  return ofType(firmware, SMBIOS.memoryDevice).flatMap((device) => {
    const use = usedFor.get(wordAt(device, 0x04) ?? -1) ?? SYSTEM_MEMORY;
    const empty = (wordAt(device, 0x0c) ?? 0) === 0;
    return use !== SYSTEM_MEMORY || empty ? [] : [dimmOf(device)];
  });
}

function dimmOf(device: Structure): Dimm {
  return onlyKnown<Dimm>({
    locator: meaningful(stringAt(device, 0x10)),
    bytes: sizeOf(device),
    type: MEMORY_TYPES.get(byteAt(device, 0x12) ?? 0),
    speedMts: speedOf(device),
    manufacturer: meaningful(stringAt(device, 0x17)),
    partNumber: meaningful(stringAt(device, 0x1a)),
    serialNumber: distinctive(stringAt(device, 0x18)),
  });
}

/** §7.18.5: megabytes, or kilobytes with bit 15 set; 0x7fff points to the extended size, 0xffff is unknown. */
function sizeOf(device: Structure): number | undefined {
  const size = wordAt(device, 0x0c);
  if (size === undefined || size === 0xffff) return undefined;
  if (size === 0x7fff) {
    const megabytes = (doubleWordAt(device, 0x1c) ?? 0) & 0x7fffffff;
    return megabytes === 0 ? undefined : megabytes * 1024 * 1024;
  }
  return (size & 0x7fff) * (size & 0x8000 ? 1024 : 1024 * 1024);
}

/** §7.18.4: megatransfers a second; 0xffff points to the extended speed, 0 is unknown. */
function speedOf(device: Structure): number | undefined {
  const speed = wordAt(device, 0x15);
  const extended = speed === 0xffff ? (doubleWordAt(device, 0x54) ?? 0) & 0x7fffffff : speed;
  return extended === 0 ? undefined : extended;
}

/** §7.18.2. */
const MEMORY_TYPES: ReadonlyMap<number, string> = new Map([
  [0x0f, "SDRAM"],
  [0x12, "DDR"],
  [0x13, "DDR2"],
  [0x14, "DDR2 FB-DIMM"],
  [0x18, "DDR3"],
  [0x1a, "DDR4"],
  [0x1b, "LPDDR"],
  [0x1c, "LPDDR2"],
  [0x1d, "LPDDR3"],
  [0x1e, "LPDDR4"],
  [0x1f, "Logical non-volatile device"],
  [0x20, "HBM"],
  [0x21, "HBM2"],
  [0x22, "DDR5"],
  [0x23, "LPDDR5"],
  [0x24, "HBM3"],
]);
