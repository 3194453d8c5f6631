import { wholeNumber } from "./known.ts";

/** MIDR_EL1 implementer codes (Arm ARM, D24.2.122). */
const IMPLEMENTERS: ReadonlyMap<number, string> = new Map([
  [0x41, "ARM"],
  [0x42, "Broadcom"],
  [0x43, "Cavium"],
  [0x48, "HiSilicon"],
  [0x4e, "NVIDIA"],
  [0x50, "Applied Micro"],
  [0x51, "Qualcomm"],
  [0x61, "Apple"],
  [0xc0, "Ampere"],
]);

/** Part numbers of Arm's own cores; other implementers' are left unnamed. */
const ARM_PARTS: ReadonlyMap<number, string> = new Map([
  [0xd03, "Cortex-A53"],
  [0xd04, "Cortex-A35"],
  [0xd05, "Cortex-A55"],
  [0xd07, "Cortex-A57"],
  [0xd08, "Cortex-A72"],
  [0xd09, "Cortex-A73"],
  [0xd0a, "Cortex-A75"],
  [0xd0b, "Cortex-A76"],
  [0xd0c, "Neoverse-N1"],
  [0xd0d, "Cortex-A77"],
  [0xd40, "Neoverse-V1"],
  [0xd41, "Cortex-A78"],
  [0xd49, "Neoverse-N2"],
  [0xd4f, "Neoverse-V2"],
]);

/** Who made the core, from /proc/cpuinfo's "CPU implementer"; undefined for a code not known here. */
export function armVendor(implementer: string | undefined): string | undefined {
  return IMPLEMENTERS.get(wholeNumber(implementer) ?? 0);
}

/** Which core it is, from "CPU implementer" and "CPU part"; undefined for one not known here. */
export function armModel(implementer: string | undefined, part: string | undefined): string | undefined {
  return wholeNumber(implementer) === 0x41 ? ARM_PARTS.get(wholeNumber(part) ?? 0) : undefined;
}
