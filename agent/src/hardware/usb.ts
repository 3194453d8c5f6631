import type { Usb } from "@holdfast/protocol/messages";
import { distinctive, meaningful } from "./identifiers.ts";
import { onlyKnown, wholeNumber } from "./known.ts";
import type { Tree } from "./tree.ts";

const DEVICES = "/sys/bus/usb/devices";

/** The USB devices that are plugged in; root hubs, which are the controllers themselves, left out. */
export async function readUsbs(tree: Tree): Promise<Usb[]> {
  // sysfs names a device 1-4.2 and its interfaces 1-4.2:1.0
  const names = (await tree.list(DEVICES)) ?? [];
  const usbs: Usb[] = [];
  for (const name of names.filter((entry) => /^\d+-[\d.]+$/.test(entry))) {
    const field = (file: string) => tree.text(`${DEVICES}/${name}/${file}`);
    const interfaces = names.filter((entry) => entry.startsWith(`${name}:`));
    usbs.push(
      onlyKnown<Usb>({
        vendorId: await field("idVendor"),
        productId: await field("idProduct"),
        bus: wholeNumber(await field("busnum")),
        address: wholeNumber(await field("devnum")),
        class: await field("bDeviceClass"),
        serial: distinctive(await field("serial")),
        deviceName: name,
        interfaceClasses: await interfaceClasses(tree, interfaces),
        product: meaningful(await field("product")),
      }),
    );
  }
  return usbs;
}

async function interfaceClasses(tree: Tree, interfaces: readonly string[]): Promise<string[]> {
  const classes = new Set<string>();
  for (const name of interfaces) {
    const code = await tree.text(`${DEVICES}/${name}/bInterfaceClass`);
    if (code !== undefined) classes.add(code);
  }
  return [...classes].sort();
}
