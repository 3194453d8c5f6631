import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { smbiosTable } from "../../fixtures/synthetic/smbios-table.ts";
import { directory, links, manifest, type TreePlan, together, writeTree } from "../../fixtures/synthetic/tree-plan.ts";
import { readHardware } from "./read.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "holdfast-devices-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function read(...plans: TreePlan[]) {
  await writeTree(together(...plans), root);
  return readHardware({ root, now: 0 });
}

function disk(name: string, path: string, values: Record<string, string | number>): TreePlan {
  return together(
    directory(`/sys/devices/${path}/block/${name}`, values),
    links({ [`/sys/block/${name}`]: `../devices/${path}/block/${name}` }),
  );
}

describe("a disk's transport", () => {
  test.each([
    ["virtio", "pci0000:00/0000:00:02.0/virtio1"],
    ["iscsi", "platform/host5/session1/target5:0:0/5:0:0:1"],
    ["sas", "pci0000:00/0000:02:00.0/host1/port-1:0/end_device-1:0/target1:0:0/1:0:0:0"],
    ["sata", "pci0000:00/0000:00:17.0/ata2/host1/target1:0:0/1:0:0:0"],
    ["ata", "pci0000:00/0000:00:01.1/ata1/host0/target0:0:0/0:0:0:0"],
    [undefined, "platform/unheard-of"],
  ])("is %s at %s", async (transport, path) => {
    const controllers = together(
      directory("/sys/bus/pci/devices/0000:00:17.0", { class: "0x010601" }),
      directory("/sys/bus/pci/devices/0000:00:01.1", { class: "0x01018a" }),
    );
    const { storages } = await read(controllers, disk("sdx", path, { size: 8 }));
    expect(storages).toEqual([{ deviceName: "sdx", capacityBytes: 4096, ...(transport && { transport }) }]);
  });
});

test("a virtual disk is not called rotating because nobody said that it is not", async () => {
  const path = "pci0000:00/0000:00:02.0/virtio1";
  const { storages } = await read(disk("vda", path, { size: 8, "queue/rotational": 1, serial: "VD-1" }));
  expect(storages).toEqual([{ deviceName: "vda", serial: "VD-1", capacityBytes: 4096, transport: "virtio" }]);
});

describe("a machine whose interfaces are all made by the kernel", () => {
  const made = (name: string, values: Record<string, string | number>) =>
    together(
      directory(`/sys/devices/virtual/net/${name}`, values),
      links({ [`/sys/class/net/${name}`]: `../../devices/virtual/net/${name}` }),
    );

  test("shows its plain Ethernet ones, not loopback, bridges, and ends of containers", async () => {
    const { nics } = await read(
      made("lo", { type: 772 }),
      made("eth0", { type: 1, address: "02:00:00:00:00:09", operstate: "up", carrier: 1 }),
      made("office", { type: 1, uevent: "DEVTYPE=bridge" }),
      made("veth0", { type: 1 }),
      made("tunl0", { type: 768 }),
      manifest({ addresses: { eth0: [{ address: "192.0.2.9/24", dynamic: true }] }, neighbours: {} }),
    );
    expect(nics).toEqual([
      {
        deviceName: "eth0",
        macAddress: "02:00:00:00:00:09",
        linkUp: true,
        addresses: [{ address: "192.0.2.9/24", dynamic: true }],
      },
    ]);
  });
});

test("an interface that was put down has no link; one that does not say has an unknown one", async () => {
  const nic = (name: string, values: Record<string, string>) =>
    together(
      directory(`/sys/devices/platform/${name}/net/${name}`, { mtu: 1500, ...values }),
      links({
        [`/sys/class/net/${name}`]: `../../devices/platform/${name}/net/${name}`,
        [`/sys/devices/platform/${name}/net/${name}/device`]: `../../../${name}`,
      }),
    );
  const { nics } = await read(nic("a", { operstate: "down" }), nic("b", { operstate: "unknown" }));
  expect(nics.map(({ linkUp }) => linkUp)).toEqual([false, undefined]);
});

test("cores of two kinds are told apart", async () => {
  const core = (thread: number, id: number) =>
    directory(`/sys/devices/system/cpu/cpu${thread}/topology`, { core_id: id, physical_package_id: 0 });
  const { cpu } = await read(
    directory("/sys/devices/system/cpu", { online: "0-2" }),
    core(0, 0),
    core(1, 0),
    core(2, 8),
    directory("/sys/devices/cpu_core", { cpus: "0-1" }),
    directory("/sys/devices/cpu_atom", { cpus: "2" }),
  );
  expect(cpu?.topology).toEqual([
    { package: 0, core: 0, threads: [0, 1], kind: "performance" },
    { package: 0, core: 8, threads: [2], kind: "efficiency" },
  ]);
  expect([cpu?.sockets, cpu?.cores, cpu?.threads]).toEqual([1, 2, 3]);
});

describe("memory", () => {
  const managed = directory("/proc", { meminfo: "MemTotal: 1000000 kB" });
  const module = (words: Record<number, number>, doubleWords: Record<number, number> = {}) =>
    ({ type: 17, handle: 1, length: 0x5c, words, doubleWords }) as const;
  const firmware = (...structures: ReturnType<typeof module>[]) =>
    directory("/sys/firmware/dmi/tables", { DMI: smbiosTable(structures) });

  test("is what the kernel manages where firmware lists no modules, and none is made up", async () => {
    expect((await read(managed)).memory).toEqual({ bytes: 1_024_000_000, dimms: [] });
  });

  test("is what the kernel manages where a module's size is unknown", async () => {
    const { memory } = await read(managed, firmware(module({ 12: 0xffff }), module({ 12: 4096 })));
    expect(memory).toEqual({ bytes: 1_024_000_000, dimms: [{}, { bytes: 4096 * 1024 * 1024 }] });
  });

  test("sizes in kilobytes and extended sizes and speeds are understood", async () => {
    const { memory } = await read(
      managed,
      firmware(module({ 12: 0x8200 }), module({ 12: 0x7fff, 21: 0xffff }, { 28: 131072, 84: 70000 })),
    );
    expect(memory?.dimms).toEqual([{ bytes: 512 * 1024 }, { bytes: 128 * 1024 ** 3, speedMts: 70000 }]);
  });
});

test("a machine without a management controller reports none", async () => {
  expect(await read(directory("/sys/class", { other: "" }))).not.toHaveProperty("bmc");
});

test("a Redfish host interface over IPv6 gives its address, and one that is not set yet gives none", async () => {
  const host = (format: number, address: Uint8Array) => {
    const data = Buffer.alloc(91);
    data[51] = format;
    data.set(address, 52);
    const records = Buffer.concat([Buffer.from([1, 4, data.length]), data]);
    return smbiosTable([{ type: 42, handle: 1, length: 6 + records.length, bytes: { 4: 0x40 }, raw: { 6: records } }]);
  };
  const address = Buffer.from("fe800000000000000000000000000017", "hex");
  const set = await read(directory("/sys/firmware/dmi/tables", { DMI: host(2, address) }));
  expect(set.bmc).toEqual({ kind: "redfish", hostInterfaceAddress: "fe80::17" });
  const unset = await read(directory("/sys/firmware/dmi/tables", { DMI: host(1, Buffer.alloc(4)) }));
  expect(unset.bmc).toEqual({ kind: "redfish" });
});
