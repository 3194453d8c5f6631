import { Host, Instance, OperatingSystem, OsUpdatePolicy, tenantScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { EVERY_TENANT } from "../store/contract.ts";
import { ALICE, Harness, TENANT } from "./harness.ts";

const SHARED = tenantScope(TENANT);

test("an operating system is retired while a site may still refer to it: no more offered, and shown as such (rule 12)", async () => {
  await using hub = await Harness.open();
  const oslo = await hub.site("Oslo");
  const host = await hub.host({ siteId: oslo.resourceId });
  const os = await hub.os();
  await hub.remove(os);
  expect(await hub.get(os)).toMatchObject({ retired: 1_000 });
  expect(await hub.body(SHARED, os)).toMatchObject({ retired: 1_000 });
  expect((await hub.store.read((view) => view.list(OperatingSystem, { tenant: EVERY_TENANT }))).total).toBe(0);
  const missing = { message: "operating_system_resource not found" };
  await expect(hub.add(Instance, { hostID: host.resourceId, osID: os.resourceId })).rejects.toMatchObject(missing);
  await expect(hub.remove(os)).rejects.toMatchObject(missing);
  await expect(hub.set(os, { description: "old" })).rejects.toMatchObject(missing);
  await hub.os();
});

test("what a site made of a retired one stands (rule 12)", async () => {
  await using hub = await Harness.open();
  const oslo = await hub.site("Oslo");
  const host = await hub.host({ siteId: oslo.resourceId });
  const os = await hub.os();
  await hub.remove(os);
  const fields = { hostID: host.resourceId, osID: os.resourceId };
  const request = { actor: "site:x", tenant: TENANT, id: "inst-90000000", owner: oslo.resourceId, fields };
  const { resource } = await hub.store.write((tx) => hub.authority.createIn(tx, Instance, request));
  expect(resource.fields).toMatchObject(fields);
});

test("what only something retired refers to can be retired, and is gone after that", async () => {
  await using hub = await Harness.open();
  const oslo = await hub.site("Oslo");
  const os = await hub.os();
  const policy = await hub.add(OsUpdatePolicy, { name: "to Ubuntu", targetOsId: os.resourceId });
  const inUse = { code: "FailedPrecondition", message: expect.stringContaining(policy.resourceId) };
  await expect(hub.remove(os)).rejects.toMatchObject(inUse);
  await hub.remove(policy);
  await hub.remove(oslo);
  await hub.remove(os);
  expect([await hub.get(os), await hub.get(policy)]).toMatchObject([{ retired: 1_000 }, { retired: 1_000 }]);
  expect(await hub.authority.purgeRetired(new Map([[TENANT, Number.MAX_SAFE_INTEGER]]))).toBe(2);
});

test("without sites it is gone at once", async () => {
  await using hub = await Harness.open();
  const os = await hub.os();
  await hub.remove(os);
  expect(await hub.get(os)).toBeUndefined();
});

test("it is gone once every site has heard of it and nothing refers to it any more (rule 12)", async () => {
  await using hub = await Harness.open();
  const oslo = await hub.site("Oslo");
  const os = await hub.os();
  await hub.remove(os);
  const { head } = await hub.store.read((view) => view.feed(SHARED, 0, 1));
  const purge = (upTo: number) => hub.authority.purgeRetired(new Map([[TENANT, upTo]]));
  expect(await purge(head - 1)).toBe(0);

  const host = await hub.host({ siteId: oslo.resourceId });
  const fields = { hostID: host.resourceId, osID: os.resourceId };
  const request = { actor: ALICE, tenant: TENANT, id: "inst-90000000", owner: oslo.resourceId, fields };
  const { resource } = await hub.store.write((tx) => hub.authority.createIn(tx, Instance, request));
  expect(await purge(head)).toBe(0);
  await hub.remove(resource);
  await hub.release(resource, oslo.resourceId, "deleted");

  expect(await purge(head)).toBe(1);
  expect(await hub.get(os)).toBeUndefined();
  expect(await hub.feed(SHARED)).toContain(`-${os.resourceId}`);
  expect(await hub.store.read((view) => view.find(Host, {}, EVERY_TENANT))).toHaveLength(1);
});
