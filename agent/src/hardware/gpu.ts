import type { Gpu } from "@holdfast/protocol/messages";
import { onlyKnown, wholeNumber } from "./known.ts";
import { hexId, lastName } from "./pci.ts";
import type { Tree } from "./tree.ts";

const DEVICES = "/sys/bus/pci/devices";

/** Display controllers, a BMC's own among them, and processing accelerators (PCI classes 03h and 12h). */
export async function readGpus(tree: Tree): Promise<Gpu[]> {
  const gpus: Gpu[] = [];
  for (const address of (await tree.list(DEVICES)) ?? []) {
    const pciClass = await tree.text(`${DEVICES}/${address}/class`);
    if (/^0x(03|12)/.test(pciClass ?? "")) gpus.push(await readGpu(tree, address, pciClass ?? ""));
  }
  return gpus;
}

async function readGpu(tree: Tree, address: string, pciClass: string): Promise<Gpu> {
  const field = (file: string) => tree.text(`${DEVICES}/${address}/${file}`);
  const nodes = (await tree.list(`${DEVICES}/${address}/drm`)) ?? [];
  const capabilities = [
    (await field("boot_vga")) === "1" ? "boot-vga" : undefined,
    /^0x03(00|80)/.test(pciClass) ? "display" : undefined,
    nodes.some((node) => node.startsWith("renderD")) ? "render" : undefined,
    (wholeNumber(await field("sriov_totalvfs")) ?? 0) > 0 ? "sriov" : undefined,
    (await tree.link(`${DEVICES}/${address}/physfn`)) === undefined ? undefined : "vf",
  ];
  return onlyKnown<Gpu>({
    pciAddress: address,
    vendorId: hexId(await field("vendor")),
    deviceId: hexId(await field("device")),
    deviceName: nodes.find((node) => /^card\d+$/.test(node)),
    driver: lastName(await tree.link(`${DEVICES}/${address}/driver`)),
    capabilities: capabilities.filter((capability) => capability !== undefined),
  });
}
