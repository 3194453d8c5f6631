import { Host, OperatingSystem, Region, siteScope, tenantScope } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { EVERY_TENANT } from "../store/contract.ts";
import { ALICE, Harness, TENANT } from "./harness.ts";

const SHARED = tenantScope(TENANT);

describe("changing a resource", () => {
  test("counts a generation and stamps the fields that changed, and those alone", async () => {
    await using hub = await Harness.open();
    const before = await hub.add(Region, { name: "Norway", metadata: [{ key: "a", value: "1" }] });
    hub.now = () => 2_000;
    const after = await hub.set(before, { name: "Norge", metadata: [{ key: "a", value: "1" }] });
    expect(after).toMatchObject({ generation: 2, createdAt: 1_000, updatedAt: 2_000, fields: { name: "Norge" } });
    expect(after.stamps.name).toMatchObject({ generation: 2 });
    expect(after.stamps.name?.id).not.toBe(before.stamps.name?.id);
    expect(after.stamps.metadata).toEqual(before.stamps.metadata);
    expect(await hub.body(SHARED, after)).toMatchObject({ generation: 2, stamps: after.stamps });
    const changes = await hub.store.read((view) => view.changes(TENANT, 0, 10));
    expect(changes.at(-1)).toMatchObject({ operation: "update", before: { name: "Norway" }, after: { name: "Norge" } });
  });

  test("to what it is already changes nothing at all", async () => {
    await using hub = await Harness.open();
    const before = await hub.add(Region, { name: "Norway" });
    const state = () =>
      hub.store.read(async (view) => [await view.feed(SHARED, 0, 9), await view.changes(TENANT, 0, 9)]);
    const then = await state();
    expect(await hub.set(before, { name: "Norway", metadata: [], parentId: null })).toEqual(before);
    expect(await state()).toEqual(then);
  });

  test("null unsets a field, to its initial value where there is one; what is required stays", async () => {
    await using hub = await Harness.open();
    const site = await hub.site("Oslo");
    const region = await hub.add(Region, { name: "Norway" });
    await hub.set(site, { regionId: region.resourceId });
    const bare = await hub.set(site, { regionId: null, name: null });
    expect(bare.fields).not.toHaveProperty("regionId");
    expect(bare.fields).toMatchObject({ name: "" });
    const host = await hub.host();
    await expect(hub.set(host, { name: null })).rejects.toMatchObject({ code: "InvalidArgument", fields: ["name"] });
  });

  test("of which another generation was seen is refused", async () => {
    await using hub = await Harness.open();
    const { resourceId: id } = await hub.add(Region, { name: "Norway" });
    const request = { actor: ALICE, tenant: TENANT, id, fields: { name: "Norge" } };
    const stale = hub.authority.update(Region, { ...request, ifGeneration: 2 });
    await expect(stale).rejects.toMatchObject({ code: "Aborted" });
    expect((await hub.authority.update(Region, { ...request, ifGeneration: 1 })).generation).toBe(2);
  });

  test("that does not exist, or is another tenant's, is not found", async () => {
    await using hub = await Harness.open();
    const region = await hub.add(Region, { name: "Norway" });
    const missing = { code: "NotFound", message: "region_resource not found" };
    await expect(hub.set({ ...region, resourceId: "region-00000000" }, {})).rejects.toMatchObject(missing);
    await expect(hub.set({ ...region, tenant: "another" }, { name: "x" })).rejects.toMatchObject(missing);
    await expect(hub.remove({ ...region, tenant: "another" })).rejects.toMatchObject(missing);
  });

  test("what is immutable can be set while it is unset, and not after", async () => {
    await using hub = await Harness.open();
    const host = await hub.host();
    const known = await hub.set(host, { serialNumber: "SN0042" });
    expect(known.fields).toMatchObject({ serialNumber: "SN0042" });
    const refused = { code: "FailedPrecondition", fields: ["serialNumber"] };
    await expect(hub.set(host, { serialNumber: "SN0043" })).rejects.toMatchObject(refused);
    await expect(hub.set(host, { serialNumber: null })).rejects.toMatchObject(refused);
    const os = await hub.add(OperatingSystem, { name: "x", sha256: "a".repeat(64) });
    await hub.set(os, { osType: "OS_TYPE_MUTABLE" });
    await expect(hub.set(os, { osType: "OS_TYPE_IMMUTABLE" })).rejects.toMatchObject({ fields: ["osType"] });
  });

  test("an identity that another has is refused by name", async () => {
    await using hub = await Harness.open();
    await hub.os("Ubuntu");
    const debian = await hub.os("Debian");
    await expect(hub.set(debian, { name: "Ubuntu" })).rejects.toMatchObject({
      code: "FailedPrecondition",
      fields: ["name"],
    });
  });
});

describe("the desired state of a host, by its current state", () => {
  const [ONBOARDED, REGISTERED, UNTRUSTED] = ["ONBOARDED", "REGISTERED", "UNTRUSTED"].map(
    (name) => `HOST_STATE_${name}`,
  );
  test.each([
    [undefined, REGISTERED, true],
    [undefined, UNTRUSTED, true],
    [REGISTERED, ONBOARDED, true],
    [REGISTERED, UNTRUSTED, false],
    [ONBOARDED, UNTRUSTED, true],
    [ONBOARDED, REGISTERED, false],
    [UNTRUSTED, ONBOARDED, false],
    [UNTRUSTED, REGISTERED, false],
    ["HOST_STATE_DELETED", ONBOARDED, false],
  ])("%s may become %s: %s", async (currentState, desiredState, allowed) => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    if (currentState !== undefined) await hub.observe(host, oslo.resourceId, { currentState });
    const moving = hub.set(host, { desiredState });
    if (allowed) expect((await moving).fields).toMatchObject({ desiredState });
    else await expect(moving).rejects.toMatchObject({ code: "FailedPrecondition", fields: ["desiredState"] });
  });

  test("an untrusted instance can only be deleted", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const instance = await hub.instance(await hub.host({ siteId: oslo.resourceId }));
    await hub.observe(instance, oslo.resourceId, { currentState: "INSTANCE_STATE_UNTRUSTED" });
    const running = hub.set(instance, { desiredState: "INSTANCE_STATE_RUNNING" });
    await expect(running).rejects.toMatchObject({ code: "FailedPrecondition", fields: ["desiredState"] });
    await hub.remove(instance);
    expect((await hub.get(instance))?.fields).toMatchObject({ desiredState: "INSTANCE_STATE_DELETED" });
  });
});

describe("the tree of regions", () => {
  test("goes five levels deep and no deeper, also when a branch is hung elsewhere", async () => {
    await using hub = await Harness.open();
    const chain = [await hub.add(Region, { name: "1" })];
    for (const name of ["2", "3", "4", "5"]) {
      chain.push(await hub.add(Region, { name, parentId: chain.at(-1)?.resourceId }));
    }
    const deeper = hub.add(Region, { name: "6", parentId: chain.at(-1)?.resourceId });
    await expect(deeper).rejects.toMatchObject({ code: "InvalidArgument", fields: ["parentId"] });
    const [root] = chain;
    if (!root) throw new Error("there are five");
    const above = await hub.add(Region, { name: "0" });
    await expect(hub.set(root, { parentId: above.resourceId })).rejects.toMatchObject({ fields: ["parentId"] });
  });

  test("has no circles", async () => {
    await using hub = await Harness.open();
    const top = await hub.add(Region, { name: "top" });
    const middle = await hub.add(Region, { name: "middle", parentId: top.resourceId });
    const bottom = await hub.add(Region, { name: "bottom", parentId: middle.resourceId });
    for (const below of [top, middle, bottom]) {
      const circle = hub.set(top, { parentId: below.resourceId });
      await expect(circle).rejects.toMatchObject({
        code: "InvalidArgument",
        message: expect.stringContaining("parentId: a region cannot be below itself"),
      });
    }
  });
});

describe("a host that nobody managed", () => {
  test("belongs to the site that it is given, its instance too, and leaves the feed that all sites read", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host();
    const instance = await hub.instance(host);
    const owned = await hub.set(host, { siteId: oslo.resourceId });
    expect(owned.owner).toBe(oslo.resourceId);
    expect((await hub.get(instance))?.owner).toBe(oslo.resourceId);
    expect((await hub.feed(SHARED)).slice(-2)).toEqual([`-${instance.resourceId}`, `-${host.resourceId}`]);
    expect(await hub.feed(siteScope(oslo.resourceId))).toEqual([host.resourceId, instance.resourceId]);
    expect(await hub.body(siteScope(oslo.resourceId), instance)).toMatchObject({ owner: oslo.resourceId });
    expect(
      (await hub.authority.store.read((view) => view.find(Host, { owner: oslo.resourceId }, EVERY_TENANT))).length,
    ).toBe(1);
  });
});
