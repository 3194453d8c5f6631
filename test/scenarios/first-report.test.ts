import { expect, test } from "vitest";
import { eventually } from "../world/eventually.ts";
import { createWorld } from "../world/world.ts";

test("a machine that is plugged in at a site shows its hardware at the hub", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await world.machine({ site: "oslo", tree: "synthetic-dimm-nvme-server" });
  await machine.boot();

  const host = await eventually(async () => {
    const [only, ...others] = await world.hub.hosts("default");
    expect(others).toEqual([]);
    expect(only?.memoryBytes).toMatch(/^[1-9]/);
    return only;
  });
  const report = await machine.agent.rescan();
  expect(host).toMatchObject({
    resourceId: machine.hostId,
    siteId: world.site("oslo").id,
    serialNumber: report.system?.serialNumber,
    uuid: report.system?.uuid,
    cpuModel: report.cpu?.model,
    cpuSockets: 2,
    memoryBytes: String(report.memory?.bytes),
    desiredState: "HOST_STATE_ONBOARDED",
    currentState: "HOST_STATE_ONBOARDED",
    hostStatusIndicator: "STATUS_INDICATION_IDLE",
  });
  expect(host.hostStorages.map(({ serial }: { serial: string }) => serial)).toEqual(
    report.storages.map(({ serial }) => serial ?? ""),
  );
  expect(host.hostNics.map(({ macAddr }: { macAddr: string }) => macAddr)).toEqual(
    report.nics.map(({ macAddress }) => macAddress ?? ""),
  );
  expect(host.hostGpus).toHaveLength(report.gpus.length);
});

test("what a machine cannot know is shown as unknown, not invented", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await world.machine({ site: "oslo", tree: "synthetic-nothing-readable" });
  await machine.boot();
  const host = await eventually(async () => {
    const [only] = await world.hub.hosts("default");
    expect(only?.hostStatus).toBe("Running");
    return only;
  });
  expect(host).toMatchObject({ cpuModel: "", productName: "", biosVersion: "", hostStorages: [], hostGpus: [] });
});

test("a changed disk is seen at the hub without anyone asking", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await world.machine({ site: "oslo", tree: "synthetic-dimm-nvme-server" });
  await machine.boot();
  const before = await eventually(async () => {
    const [host] = await world.hub.hosts("default");
    expect(host?.hostStorages.length).toBeGreaterThan(1);
    return host;
  });

  const [gone, ...left] = before.hostStorages.map(({ deviceName }: { deviceName: string }) => deviceName);
  machine.removeDisk(gone);
  await world.clock.advance(2_000);

  await eventually(async () => {
    const after = await world.hub.host("default", before.resourceId);
    expect(after.hostStorages.map(({ deviceName }: { deviceName: string }) => deviceName)).toEqual(left);
  });
});

test("a restarted agent is the same host, and sends nothing that the site knows", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await world.machine({ site: "oslo" });
  await machine.boot();
  const before = await eventually(async () => {
    const [host] = await world.hub.hosts("default");
    expect(host?.hostStatus).toBe("Running");
    expect(machine.agent.status.reportHash).not.toBe("");
    return host;
  });

  await machine.shutDown();
  await machine.boot();
  await eventually(() => expect(machine.agent.status.session).toBeDefined());

  expect(await world.hub.hosts("default")).toHaveLength(1);
  expect(machine.hostId).toBe(before.resourceId);
});
