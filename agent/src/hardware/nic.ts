import type { IpAddress, Nic } from "@holdfast/protocol/messages";
import type { Facts } from "./facts.ts";
import { distinctive } from "./identifiers.ts";
import { flag, onlyKnown, wholeNumber } from "./known.ts";
import { isOnUsb, lastName, pciAddressIn } from "./pci.ts";
import type { Tree } from "./tree.ts";

const INTERFACES = "/sys/class/net";

/**
 * The network interfaces that are hardware, virtio included. Virtual functions are their NIC's, counted there. A machine
 * with no such interface at all (a container) shows its plain Ethernet ones instead.
 */
export async function readNics(tree: Tree, facts: Facts): Promise<Nic[]> {
  const physical: string[] = [];
  const others: string[] = [];
  for (const name of (await tree.list(INTERFACES)) ?? []) {
    const path = await tree.link(`${INTERFACES}/${name}`);
    if (path === undefined) continue; // bonding_masters, a file
    if ((await tree.link(`${INTERFACES}/${name}/device`)) === undefined) others.push(name);
    else if ((await tree.link(`${INTERFACES}/${name}/device/physfn`)) === undefined) physical.push(name);
  }
  const shown = physical.length > 0 ? physical : await plainOnes(tree, others);
  const nics: Nic[] = [];
  for (const name of shown) nics.push(await readNic(tree, name, facts));
  return nics;
}

const ETHERNET = "1"; // ARPHRD_ETHER
const MADE_UP = /^(veth|docker|br-|virbr|vnet|ifb|dummy|tap|tun|cni|flannel|cali|podman|lxc|lxd|bond|team)/;

/** A bridge, VLAN, bond or the like says so in DEVTYPE; the rest can be told by name only. */
async function plainOnes(tree: Tree, names: readonly string[]): Promise<string[]> {
  const plain: string[] = [];
  for (const name of names) {
    if (MADE_UP.test(name) || (await tree.text(`${INTERFACES}/${name}/type`)) !== ETHERNET) continue;
    if (!/^DEVTYPE=/m.test((await tree.text(`${INTERFACES}/${name}/uevent`)) ?? "")) plain.push(name);
  }
  return plain;
}

/** The kernel takes its lock on network settings for these, and may ask the device. */
const ASKED = { patient: true } as const;

async function readNic(tree: Tree, name: string, facts: Facts): Promise<Nic> {
  const field = (file: string) => tree.text(`${INTERFACES}/${name}/${file}`);
  const device = await tree.link(`${INTERFACES}/${name}/device`);
  const whole = (await tree.link(`${INTERFACES}/${name}`)) ?? device;
  const functions = wholeNumber(await field("device/sriov_numvfs"));
  const neighbour = facts.neighbours[name];
  return onlyKnown<Nic>({
    deviceName: name,
    // In a bond every member shows the bond's address; its own is kept apart.
    macAddress: macOf((await field("bonding_slave/perm_hwaddr")) ?? (await field("address"))),
    pciAddress: isOnUsb(whole) ? undefined : pciAddressIn(device),
    mtu: wholeNumber(await field("mtu")),
    linkUp: await readLinkUp(tree, name),
    sriovEnabled: functions === undefined ? undefined : functions > 0,
    sriovVfs: functions,
    sriovVfsTotal: wholeNumber(await field("device/sriov_totalvfs")),
    addresses: await addressesOf(tree, name, facts),
    speedMbps: positive(wholeNumber(await tree.text(`${INTERFACES}/${name}/speed`, ASKED))), // -1 when there is no link
    driver: lastName(await tree.link(`${INTERFACES}/${name}/device/driver`)),
    peerName: neighbour?.name,
    peerMac: neighbour?.mac,
    peerPort: neighbour?.port,
  });
}

const MOST_LEVELS = 4;

/** Its own addresses, and those of the bond or bridge that it is a port of, for the machine answers to them here. */
async function addressesOf(tree: Tree, name: string, facts: Facts): Promise<IpAddress[]> {
  const addresses: IpAddress[] = [];
  let at: string | undefined = name;
  for (let level = 0; at !== undefined && level < MOST_LEVELS; level++) {
    addresses.push(...(facts.addresses[at] ?? []));
    at = lastName(await tree.link(`${INTERFACES}/${at}/master`));
  }
  return addresses.map((address) => ({ ...address }));
}

/** The carrier can be read only while the interface is up; one that was put down has no link to use. */
async function readLinkUp(tree: Tree, name: string): Promise<boolean | undefined> {
  const carrier = flag(await tree.text(`${INTERFACES}/${name}/carrier`, ASKED));
  if (carrier !== undefined) return carrier;
  return (await tree.text(`${INTERFACES}/${name}/operstate`)) === "down" ? false : undefined;
}

function macOf(text: string | undefined): string | undefined {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text ?? "") ? distinctive(text)?.toLowerCase() : undefined;
}

function positive(number: number | undefined): number | undefined {
  return number === undefined || number === 0 || number >= 0xffffffff ? undefined : number;
}
