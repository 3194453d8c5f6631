import { siteScope, tenantScope } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { Harness, TENANT } from "./harness.ts";

describe("a site's edit", () => {
  test("applies when nobody wrote the field since, under its own id, and says where that shows", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const outcome = await hub.edit(host, oslo.resourceId, { field: "name", value: "edge", write: "intent-1" });
    const { head } = await hub.store.read((view) => view.feed(siteScope(oslo.resourceId), 0, 9));
    expect(outcome).toEqual({ result: "applied", at: { scope: siteScope(oslo.resourceId), seq: head } });
    const after = await hub.get(host);
    expect(after).toMatchObject({ generation: 2, fields: { name: "edge" } });
    expect(after?.stamps.name).toEqual({ id: "intent-1", epoch: hub.authority.epoch(), generation: 2 });
  });

  test("of a field that nobody ever wrote names no stamp", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const edit = { field: "desiredPowerState", value: "POWER_STATE_ON" };
    expect(await hub.edit(host, oslo.resourceId, { ...edit, base: "w99" })).toMatchObject({ result: "conflict" });
    expect(await hub.edit(host, oslo.resourceId, { ...edit, base: "" })).toMatchObject({ result: "applied" });
    expect(await hub.edit(host, oslo.resourceId, { ...edit, base: "", write: "b" })).toMatchObject({
      result: "conflict",
    });
  });

  test("is a conflict when somebody wrote the field meanwhile, even the same value; others' fields do not matter", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const base = host.stamps.name?.id ?? "";
    await hub.set(host, { name: "the hubs" });
    const before = await hub.get(host);
    const outcome = await hub.edit(host, oslo.resourceId, { field: "name", value: "the hubs", base });
    expect(outcome).toMatchObject({ result: "conflict", at: { scope: siteScope(oslo.resourceId) } });
    expect(outcome.reason).toContain("somebody else");
    expect(await hub.get(host)).toEqual(before);
    const other = await hub.edit(host, oslo.resourceId, { field: "desiredPowerState", value: "POWER_STATE_ON" });
    expect(other).toMatchObject({ result: "applied" });
  });

  test("that conflicts says what stands, and is known from then on", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const base = host.stamps.name?.id ?? "";
    const standing = (await hub.set(host, { name: "the hubs" })).stamps.name?.id;
    const outcome = await hub.edit(host, oslo.resourceId, { field: "name", value: "edge", base, write: "lost" });
    expect(outcome.standing).toEqual({ write: standing, value: "the hubs" });
    const changes = await hub.store.read((view) => view.changes(TENANT, 0, 20));
    expect(changes.at(-1)).toMatchObject({
      ...{ operation: "conflict", write: "lost", actor: "operator:bob" },
      ...{ before: { name: "the hubs" }, after: { name: "edge" } },
    });
    expect(await hub.store.read((view) => view.knowsWrite(TENANT, "lost"))).toBe(true);
  });

  test("that the hub took back from a row already is not applied again (rule 20)", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const base = host.stamps.name?.id ?? "";
    const edit = { field: "name", value: "edge", base, write: "intent-1" };
    await hub.edit(host, oslo.resourceId, edit);
    await hub.set(host, { name: "since" });
    expect(await hub.edit(host, oslo.resourceId, edit)).toMatchObject({ result: "applied" });
    expect((await hub.get(host))?.fields).toMatchObject({ name: "since" });
  });

  test("may build on the site's own edit before it, also one that changed nothing", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    await hub.edit(host, oslo.resourceId, { field: "name", value: "host", write: "intent-1" });
    const next = { field: "name", value: "edge", base: "intent-1", write: "intent-2" };
    expect(await hub.edit(host, oslo.resourceId, next)).toMatchObject({ result: "applied" });
    expect((await hub.get(host))?.fields).toMatchObject({ name: "edge" });
  });

  test("is judged by the state that the machine was in at the site, of which the hub has not heard yet", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    await hub.observe(host, oslo.resourceId, { currentState: "HOST_STATE_REGISTERED" });
    await expect(hub.set(host, { desiredState: "HOST_STATE_UNTRUSTED" })).rejects.toThrow(/cannot become/);
    const edit = { field: "desiredState", value: "HOST_STATE_UNTRUSTED", base: host.stamps.desiredState?.id ?? "" };
    expect(await hub.edit(host, oslo.resourceId, edit)).toMatchObject({ result: "applied" });
  });

  test("that comes again is applied once", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const edit = { field: "name", value: "edge", base: host.stamps.name?.id ?? "", write: "intent-1" };
    const first = await hub.edit(host, oslo.resourceId, edit);
    const after = await hub.get(host);
    expect(await hub.edit(host, oslo.resourceId, edit)).toEqual(first);
    expect(await hub.get(host)).toEqual(after);
  });

  test("is a conflict on what is gone, frozen, or another site's", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const [gone, frozen] = [await hub.host(), await hub.host({ siteId: oslo.resourceId })];
    await hub.remove(gone);
    await hub.remove(frozen);
    const edit = { field: "name", value: "edge" };
    expect(await hub.edit(gone, oslo.resourceId, edit)).toMatchObject({ result: "conflict" });
    expect(await hub.edit(frozen, oslo.resourceId, edit)).toMatchObject({ result: "conflict" });
    const theirs = await hub.host({ siteId: bergen.resourceId });
    const foreign = await hub.edit(theirs, oslo.resourceId, edit);
    expect(foreign).toMatchObject({ result: "conflict", reason: expect.stringContaining("does not manage") });
  });

  test("what the rules forbid is a conflict with the reason, and leaves nothing behind", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId, serialNumber: "SN0042" });
    await hub.host({ uuid: "0a0b0c0d-0000-4000-8000-00000000000a" });
    await hub.observe(host, oslo.resourceId, { currentState: "HOST_STATE_UNTRUSTED" });
    const before = await hub.get(host);
    for (const [field, value] of [
      ["serialNumber", "SN0043"],
      ["uuid", "0a0b0c0d-0000-4000-8000-00000000000a"],
      ["desiredState", "HOST_STATE_ONBOARDED"],
    ] as const) {
      const outcome = await hub.edit(host, oslo.resourceId, { field, value });
      expect(outcome).toMatchObject({ result: "conflict", reason: expect.stringContaining(field) });
    }
    const instance = await hub.instance(host);
    const lost = await hub.edit(instance, oslo.resourceId, { field: "osID", value: "os-00000009" });
    expect(lost).toMatchObject({ result: "conflict", reason: "operating_system_resource not found" });
    expect(await hub.get(host)).toEqual(before);
  });

  test("that no rightful site could send is a fault: observations, unknown fields, wrong values, other kinds", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    for (const [field, value, code] of [
      ["hostStatus", "fine", "PermissionDenied"],
      ["providerId", "provider-00000001", "PermissionDenied"],
      ["colour", "red", "InvalidArgument"],
      ["desiredPowerState", "POWER_STATE_PERFECT", "InvalidArgument"],
      ["name", "\u0007", "InvalidArgument"],
    ]) {
      const edit = hub.edit(host, oslo.resourceId, { field: String(field), value });
      await expect(edit).rejects.toMatchObject({ code, fields: [field] });
    }
    const shared = hub.edit(oslo, oslo.resourceId, { field: "name", value: "mine" });
    await expect(shared).rejects.toMatchObject({ code: "PermissionDenied" });
  });

  test("does not move or delete a host, but may delete an instance", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const host = await hub.host({ siteId: oslo.resourceId });
    const instance = await hub.instance(host);
    const wipe = { field: "desiredState", value: "INSTANCE_STATE_DELETED" };
    expect(await hub.edit(instance, oslo.resourceId, wipe)).toMatchObject({ result: "applied" });
    expect(await hub.release(instance, oslo.resourceId, "deleted", "intent-desiredState")).toMatchObject({
      result: "applied",
    });
    const move = { field: "siteId", value: bergen.resourceId };
    expect(await hub.edit(host, oslo.resourceId, move)).toMatchObject({ result: "conflict" });
    const end = { field: "desiredState", value: "HOST_STATE_DELETED" };
    expect(await hub.edit(host, oslo.resourceId, end)).toMatchObject({ result: "conflict" });
  });

  test("may claim a host that nobody manages, for itself alone; a second claim is a conflict", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const host = await hub.host();
    const claim = (site: string, value: string) =>
      hub.edit(host, site, { field: "siteId", value, base: "", write: `claim of ${site}` });
    expect(await claim(oslo.resourceId, bergen.resourceId)).toMatchObject({ result: "conflict" });
    expect(await hub.edit(host, oslo.resourceId, { field: "name", value: "mine" })).toMatchObject({
      result: "conflict",
    });
    const claimed = await claim(oslo.resourceId, oslo.resourceId);
    expect(claimed).toMatchObject({ result: "applied", at: { scope: siteScope(oslo.resourceId) } });
    expect(await hub.get(host)).toMatchObject({ owner: oslo.resourceId });
    expect(await hub.feed(tenantScope(TENANT))).toContain(`-${host.resourceId}`);
    expect(await claim(bergen.resourceId, bergen.resourceId)).toMatchObject({ result: "conflict" });
  });
});
