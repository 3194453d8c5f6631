import type { Storage } from "@holdfast/protocol/messages";
import { distinctive, meaningful } from "./identifiers.ts";
import { flag, onlyKnown, wholeNumber } from "./known.ts";
import { pciAddressIn } from "./pci.ts";
import type { Tree } from "./tree.ts";
import { readUdevProperties } from "./udev.ts";

/**
 * The disks: block devices with something behind them. What the kernel makes up (loop, ram, zram, md, dm, nbd), optical and
 * floppy drives, and parts of one disk that show up as others (an eMMC's boot areas, the paths of a multipath NVMe) are none.
 */
export async function readStorages(tree: Tree): Promise<Storage[]> {
  const storages: Storage[] = [];
  for (const name of (await tree.list("/sys/block")) ?? []) {
    const path = await tree.link(`/sys/block/${name}`);
    if (path === undefined || path.startsWith("/sys/devices/virtual/block/") || NO_DISK.test(name)) continue;
    if ((await tree.text(`/sys/block/${name}/hidden`)) === "1") continue;
    storages.push(await readStorage(tree, name, path));
  }
  return storages;
}

const NO_DISK = /^(sr|fd|nbd|rbd)\d+$|^mmcblk\d+(boot\d+|rpmb)$/;

async function readStorage(tree: Tree, name: string, path: string): Promise<Storage> {
  const field = (file: string) => tree.text(`/sys/block/${name}/${file}`);
  const transport = await transportOf(tree, name, path);
  const udev = await readUdevProperties(tree, "b", await field("dev"), UDEV);
  const sectors = wholeNumber(await field("size"));
  return onlyKnown<Storage>({
    deviceName: name,
    wwid: distinctive((await field("wwid")) ?? (await field("device/wwid")) ?? udev.get("ID_WWN")),
    serial: distinctive(
      (await unitSerial(tree, name)) ??
        (await field("device/serial")) ??
        (await field("serial")) ??
        udev.get("ID_SERIAL_SHORT"),
    ),
    vendor: vendorOf(await field("device/vendor")),
    model: meaningful((await field("device/model")) ?? (transport === "mmc" ? await field("device/name") : undefined)),
    // sysfs counts 512-byte sectors whatever the disk's own are. A drive without a medium has size 0.
    capacityBytes: sectors === undefined || sectors === 0 ? undefined : sectors * 512,
    rotational: rotationalOf(flag(await field("queue/rotational")), transport),
    removable: flag(await field("removable")),
    transport,
  });
}

const UDEV = ["ID_SERIAL_SHORT", "ID_WWN"];

/** SPC-6 §7.7.14, page 80h: four bytes of header, then the serial number. */
async function unitSerial(tree: Tree, name: string): Promise<string | undefined> {
  const page = await tree.bytes(`/sys/block/${name}/device/vpd_pg80`, { limit: 1024, beginning: true });
  if (page === undefined || page.length < 4) return undefined;
  const serial = page.toString("latin1", 4, 4 + page.readUInt16BE(2)).trim();
  return serial === "" ? undefined : serial;
}

/** libata puts "ATA" where SCSI has the vendor, and virtio a number: neither names one. */
function vendorOf(text: string | undefined): string | undefined {
  return text === "ATA" || /^0x[0-9a-f]+$/.test(text ?? "") ? undefined : meaningful(text);
}

/** "Not rotating" is an answer; "rotating" is also what the kernel says of a disk that was not asked or cannot tell. */
function rotationalOf(rotational: boolean | undefined, transport: string | undefined): boolean | undefined {
  if (rotational !== true) return rotational;
  return transport === "sata" || transport === "sas" || transport === "ata" ? true : undefined;
}

async function transportOf(tree: Tree, name: string, path: string): Promise<string | undefined> {
  if (name.startsWith("nvme")) return "nvme";
  if (name.startsWith("mmcblk")) return "mmc";
  if (/\/virtio\d+\//.test(path)) return "virtio";
  if (/\/usb\d+\//.test(path)) return "usb";
  if (/\/session\d+\//.test(path)) return "iscsi";
  if (/\/end_device-/.test(path))
    return (await tree.text(`/sys/block/${name}/device/vendor`)) === "ATA" ? "sata" : "sas";
  const controller = pciAddressIn(path);
  if (controller === undefined) return undefined;
  const pciClass = (await tree.text(`/sys/bus/pci/devices/${controller}/class`)) ?? "";
  return CONTROLLERS.get(pciClass.slice(0, 6));
}

/** PCI Code and ID Assignment 1.16 §1.2. */
const CONTROLLERS: ReadonlyMap<string, string> = new Map([
  ["0x0101", "ata"],
  ["0x0106", "sata"],
  ["0x0107", "sas"],
]);
