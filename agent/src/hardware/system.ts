import type { System } from "@holdfast/protocol/messages";
import { type Firmware, ofType, SMBIOS, TABLE, uuidOf } from "./firmware.ts";
import { derivedUuid, distinctive, machineUuid, meaningful } from "./identifiers.ts";
import { anyKnown, wholeNumber } from "./known.ts";
import { byteAt, stringAt } from "./smbios.ts";
import type { Tree } from "./tree.ts";

const DMI = "/sys/class/dmi/id";

/** What the machine is, by its firmware: SMBIOS, else the devicetree, else a UUID derived from its machine-id. */
export async function readSystem(tree: Tree, firmware: Firmware): Promise<System | undefined> {
  const named = firmware.structures.length > 0 ? fromTable(firmware) : await fromKernel(tree);
  const serialNumber = distinctive(named.serialNumber) ?? distinctive(await devicetree(tree, "serial-number"));
  const uuid = machineUuid(named.uuid);
  // An identity that is there but may not be read is no missing one: it would change with the rights of the agent.
  const refused = [TABLE, `${DMI}/product_serial`, `${DMI}/product_uuid`].some(tree.refused);
  const nameless = serialNumber === undefined && uuid === undefined && !refused;
  const derived = nameless ? await readMachineId(tree) : undefined;
  const { uefi, secureBoot } = await readBootMode(tree);
  return anyKnown<System>({
    serialNumber,
    uuid: uuid ?? derived,
    uuidDerived: derived === undefined ? undefined : true,
    vendor: meaningful(named.vendor),
    productName: meaningful(named.productName) ?? meaningful(await devicetree(tree, "model")),
    boardSerial: distinctive(named.boardSerial),
    biosVendor: meaningful(named.biosVendor),
    biosVersion: meaningful(named.biosVersion),
    biosReleaseDate: meaningful(named.biosReleaseDate),
    chassisType: named.chassisType,
    uefi,
    secureBoot,
  });
}

type Named = { [Field in keyof System]: System[Field] | undefined };

function fromTable(firmware: Firmware): Named {
  const bios = ofType(firmware, SMBIOS.bios)[0];
  const system = ofType(firmware, SMBIOS.system)[0];
  const board = ofType(firmware, SMBIOS.board)[0];
  const chassis = ofType(firmware, SMBIOS.chassis)[0];
  return {
    biosVendor: bios && stringAt(bios, 0x04),
    biosVersion: bios && stringAt(bios, 0x05),
    biosReleaseDate: bios && stringAt(bios, 0x08),
    vendor: system && stringAt(system, 0x04),
    productName: system && stringAt(system, 0x05),
    serialNumber: system && stringAt(system, 0x07),
    uuid: system && uuidOf(system, firmware.version),
    boardSerial: board && stringAt(board, 0x07),
    chassisType: chassis && chassisTypeOf(byteAt(chassis, 0x05)),
  };
}

/** What the kernel shows of the same table, part of it to everyone. */
async function fromKernel(tree: Tree): Promise<Named> {
  const field = (name: string) => tree.text(`${DMI}/${name}`);
  return {
    biosVendor: await field("bios_vendor"),
    biosVersion: await field("bios_version"),
    biosReleaseDate: await field("bios_date"),
    vendor: await field("sys_vendor"),
    productName: await field("product_name"),
    serialNumber: await field("product_serial"),
    uuid: await field("product_uuid"),
    boardSerial: await field("board_serial"),
    chassisType: chassisTypeOf(wholeNumber(await field("chassis_type"))),
  };
}

/** §7.4.1: bit 7 says that a lock is present; type 2 is "unknown". */
function chassisTypeOf(value: number | undefined): number | undefined {
  const type = value === undefined ? 0 : value & 0x7f;
  return type === 0 || type === 2 ? undefined : type;
}

function devicetree(tree: Tree, property: string): Promise<string | undefined> {
  return tree.text(`/sys/firmware/devicetree/base/${property}`);
}

/** The derived UUID. The machine-id itself is scrubbed on reading, so that it is in no report and in no capture. */
function readMachineId(tree: Tree): Promise<string | undefined> {
  const scrub = (content: Buffer) => Buffer.from(derivedUuid(content.toString("latin1")) ?? "");
  return tree.text("/etc/machine-id", { limit: 256, beginning: true, scrub });
}

const SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

async function readBootMode(tree: Tree): Promise<{ uefi: boolean | undefined; secureBoot: boolean | undefined }> {
  if ((await tree.list("/sys/firmware/efi")) !== undefined) {
    // UEFI 2.10 §3.3; efivarfs puts four bytes of attributes before the value.
    const value = (await tree.bytes(SECURE_BOOT, { limit: 64, beginning: true }))?.[4];
    return { uefi: true, secureBoot: value === 1 ? true : value === 0 ? false : undefined };
  }
  // Without /sys nothing is known; with it, the machine did not boot by UEFI, and so not by Secure Boot.
  const uefi = (await tree.list("/sys/firmware")) === undefined ? undefined : false;
  return { uefi, secureBoot: uefi };
}
