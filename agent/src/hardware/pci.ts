/** The PCI address that a sysfs path leads through last, "0000:3b:00.0": that of the device itself or of its controller. */
export function pciAddressIn(path: string | undefined): string | undefined {
  return path?.split("/").findLast((part) => /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.test(part));
}

/** True for a path below a USB controller: its PCI address is not that of the device. */
export function isOnUsb(path: string | undefined): boolean {
  return /\/usb\d+\//.test(path ?? "");
}

/** The last part of a path: a driver's or a device's name. */
export function lastName(path: string | undefined): string | undefined {
  return path?.slice(path.lastIndexOf("/") + 1);
}

/** An id as sysfs writes it, 0x8086, in four hex digits. */
export function hexId(text: string | undefined): string | undefined {
  return /^0x([0-9a-f]{4})$/i.exec(text ?? "")?.[1]?.toLowerCase();
}
