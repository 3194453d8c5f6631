import { byteAt, entryPointVersion, parseTable, type Structure } from "./smbios.ts";
import type { Tree } from "./tree.ts";

/** What the machine's firmware says about it: the structures read here, and the version of the table. */
export interface Firmware {
  readonly structures: readonly Structure[];
  /** major × 256 + minor. */
  readonly version: number;
}

/** The types of structure that any reader here looks at (DSP0134 §7). A capture holds no others. */
export const SMBIOS = {
  bios: 0,
  system: 1,
  board: 2,
  chassis: 3,
  processor: 4,
  memoryArray: 16,
  memoryDevice: 17,
  ipmi: 38,
  hostInterface: 42,
  end: 127,
} as const;

const READ = new Set<number>(Object.values(SMBIOS));

/** Where the kernel shows the table. */
export const TABLE = "/sys/firmware/dmi/tables/DMI";
const MOST_TABLE_BYTES = 1024 * 1024;
const MOST_STRUCTURES_KEPT = 1024;

/** The firmware's table; without structures when there is none or it may not be read, which needs CAP_DAC_READ_SEARCH. */
export async function readFirmware(tree: Tree): Promise<Firmware> {
  const table = await tree.bytes(TABLE, { limit: MOST_TABLE_BYTES, scrub: withoutOtherTypes });
  const entryPoint = await tree.bytes("/sys/firmware/dmi/tables/smbios_entry_point", { limit: 64, beginning: true });
  return {
    structures: table === undefined ? [] : parseTable(table),
    // Every table since 2006 is 2.6 or later; the version matters for the byte order of the UUID only.
    version: (entryPoint && entryPointVersion(entryPoint)) ?? 0x0206,
  };
}

/** Other types hold what an inventory has no use for: asset tags, settings, vendors' own bytes. */
export function withoutOtherTypes(table: Buffer): Buffer {
  const kept = parseTable(table).filter((structure) => READ.has(structure.type));
  return Buffer.concat(kept.slice(0, MOST_STRUCTURES_KEPT).map((structure) => structure.raw));
}

/** The structures of one type, in the order of the table. */
export function ofType(firmware: Firmware, type: number): Structure[] {
  return firmware.structures.filter((structure) => structure.type === type);
}

/** The UUID in a system structure, in text form; undefined in a structure too short to hold one. */
export function uuidOf(system: Structure, version: number): string | undefined {
  if (byteAt(system, 0x17) === undefined) return undefined;
  const bytes = Buffer.from(system.formatted.subarray(0x08, 0x18));
  if (version >= 0x0206) {
    // §7.2.1: the first three fields are little-endian; before 2.6 nothing said so and makers wrote network order.
    bytes.subarray(0, 4).reverse();
    bytes.subarray(4, 6).reverse();
    bytes.subarray(6, 8).reverse();
  }
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
