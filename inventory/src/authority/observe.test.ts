import { Host, siteScope } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { Harness } from "./harness.ts";
import { UNKNOWN_BYTES } from "./observe.ts";

describe("a site's report", () => {
  test("replaces all observations: what it does not name is not known, or as at the beginning", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const hostNics = [{ deviceName: "eth0", mtu: 1500 }, { macAddr: "aa:bb" }];
    await hub.observe(host, oslo.resourceId, { hostStatus: "Running", memoryBytes: "1024", hostNics });
    const first = await hub.get(host);
    expect(first).toMatchObject({ observedAt: 5_000, observedBy: oslo.resourceId, observedGeneration: 1 });
    expect(first?.fields).toMatchObject({ name: "host", hostStatus: "Running", memoryBytes: "1024", hostNics });
    await hub.observe(host, oslo.resourceId, { cpuCores: 8 });
    const second = await hub.get(host);
    expect(second?.fields).toMatchObject({ name: "host", hostStatus: "Not Connected", cpuCores: 8, hostNics: [] });
    expect(second?.fields).not.toHaveProperty("memoryBytes");
  });

  test("says of each group who saw it and when (rule 13)", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const [agent, site] = [
      { source: "agent", at: 4_000 },
      { source: "site", at: 4_500 },
    ];
    const sources = { hardware: agent, power: site, weather: agent };
    await hub.observe(host, oslo.resourceId, { cpuCores: 8 }, { sources });
    expect((await hub.get(host))?.observedSources).toEqual({ hardware: agent, power: site });
    await hub.observe(host, oslo.resourceId, { cpuCores: 8 });
    expect(await hub.get(host)).not.toHaveProperty("observedSources");
    const wrong = hub.observe(host, oslo.resourceId, {}, { sources: { power: { source: "site", at: 9e15 } } });
    await expect(wrong).rejects.toMatchObject({ code: "InvalidArgument", fields: ["sources.power.at"] });
  });

  test("leaves the groups that this life of the site has not seen as they were, with who saw them (rule 13)", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const agent = { source: "agent", at: 4_000 };
    const seen = { cpuCores: 8, hostNics: [{ deviceName: "eth0" }], hostStatus: "Running" };
    await hub.observe(host, oslo.resourceId, seen, { sources: { hardware: agent, status: agent } });
    const site = { source: "site", at: 5_000 };
    const groups = { sources: { status: site, hardware: site }, keep: ["hardware", "weather"] };
    await hub.observe(host, oslo.resourceId, { hostStatus: "Lost", cpuCores: 1 }, groups);
    const after = await hub.get(host);
    expect(after?.fields).toMatchObject({ cpuCores: 8, hostNics: [{ deviceName: "eth0" }], hostStatus: "Lost" });
    expect(after?.observedSources).toEqual({ hardware: agent, status: site });
  });

  test("may hold what this version has no field for: kept as it came until the next report, and shown by nobody (rule 9)", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const unknown = { colour: "red", tpm: { version: "2.0", banks: [1, null] } };
    const hostNics = [{ deviceName: "eth0", cable: "blue" }, { deviceName: "eth1" }];
    await hub.observe(host, oslo.resourceId, { cpuCores: 8, hostNics, ...unknown });
    const first = await hub.get(host);
    expect(first?.observedUnknown).toEqual({ ...unknown, hostNics: [{ cable: "blue" }, {}] });
    expect(first?.fields).toMatchObject({ cpuCores: 8, hostNics: [{ deviceName: "eth0" }, { deviceName: "eth1" }] });
    expect(first?.fields).not.toHaveProperty("colour");
    await hub.observe(host, oslo.resourceId, { cpuCores: 8, colour: "green" }, { keep: ["hardware"] });
    expect((await hub.get(host))?.observedUnknown).toMatchObject({ colour: "green", tpm: unknown.tpm });
    await hub.observe(host, oslo.resourceId, { cpuCores: 8 });
    expect(await hub.get(host)).not.toHaveProperty("observedUnknown");
  });

  test("is kept of what this version has no field for as far as there is room, whole values only (rule 9)", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const unknown = { a: "small", b: "x".repeat(UNKNOWN_BYTES), c: "small too" };
    await hub.observe(host, oslo.resourceId, unknown);
    expect((await hub.get(host))?.observedUnknown).toEqual({ a: "small", c: "small too" });
  });

  test("changes no intent: no generation, no stamp, no feed row, no history", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const state = () =>
      hub.store.read(async (view) => [
        await view.feed(siteScope(oslo.resourceId), 0, 9),
        await view.changes(host.tenant, 0, 9),
      ]);
    const then = await state();
    await hub.observe(host, oslo.resourceId, { hostStatus: "Running" });
    const { generation, stamps, updatedAt } = host;
    expect(await hub.get(host)).toMatchObject({ generation, stamps, updatedAt });
    expect(await state()).toEqual(then);
  });

  test.each([
    [{ name: "mine" }, "PermissionDenied", "name"],
    [{ providerId: "provider-00000001" }, "PermissionDenied", "providerId"],
    [{ cpuCores: "8" }, "InvalidArgument", "cpuCores"],
    [{ memoryBytes: 1024 }, "InvalidArgument", "memoryBytes"],
    [{ currentState: "HOST_STATE_PERFECT" }, "InvalidArgument", "currentState"],
    [{ hostNics: [{ mtu: "big" }] }, "InvalidArgument", "hostNics"],
    [{ hostNics: "eth0" }, "InvalidArgument", "hostNics"],
    [{ hostStatus: "x".repeat(1_025) }, "InvalidArgument", "hostStatus"],
  ])("with what is not its to say, or is no such thing, is refused by name (%#)", async (fields, code, named) => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    await expect(hub.observe(host, oslo.resourceId, fields)).rejects.toMatchObject({ code, fields: [named] });
    expect(await hub.get(host)).toEqual(host);
  });

  test("of a machine that is another site's, nobody's, or not there is refused", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const [theirs, loose] = [await hub.host({ siteId: bergen.resourceId }), await hub.host()];
    for (const host of [theirs, loose]) {
      const report = hub.observe(host, oslo.resourceId, { hostStatus: "Running" });
      await expect(report).rejects.toMatchObject({ code: "PermissionDenied" });
    }
    await hub.remove(loose);
    await expect(hub.observe(loose, oslo.resourceId, {})).rejects.toMatchObject({ code: "NotFound" });
    await expect(hub.observe(oslo, oslo.resourceId, {})).rejects.toMatchObject({ code: "PermissionDenied" });
  });

  test.each([-1, 1.5, Number.NaN, 2 ** 53])("at no possible moment is refused: %d", async (observedAt) => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const { tenant, resourceId: id } = await hub.host({ siteId: oslo.resourceId });

    const report = { kind: Host, tenant, id, site: oslo.resourceId, observedAt, observedGeneration: 1, fields: {} };
    const refused = { code: "InvalidArgument", fields: ["observedAt"] };
    await expect(hub.store.write((tx) => hub.authority.observeIn(tx, report))).rejects.toMatchObject(refused);
    const other = { ...report, observedAt: 1, observedGeneration: observedAt };
    await expect(hub.store.write((tx) => hub.authority.observeIn(tx, other))).rejects.toMatchObject({
      fields: ["observedGeneration"],
    });
  });
});
