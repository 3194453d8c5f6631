import { siteScope, tenantScope } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { Harness, TENANT } from "./harness.ts";

const SHARED = tenantScope(TENANT);

describe("deleting what is no machine", () => {
  test("takes it away at once and leaves a tombstone", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    await hub.remove(oslo);
    expect(await hub.get(oslo)).toBeUndefined();
    expect(await hub.feed(SHARED)).toContain(`-${oslo.resourceId}`);
    const changes = await hub.store.read((view) => view.changes(TENANT, 0, 10));
    expect(changes.at(-1)).toMatchObject({ operation: "delete", before: { name: "Oslo" }, after: null });
    await expect(hub.remove(oslo)).rejects.toMatchObject({ code: "NotFound" });
  });

  test("is refused while something needs it, naming that", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const refused = { code: "FailedPrecondition", message: expect.stringContaining(host.resourceId) };
    await expect(hub.remove(oslo)).rejects.toMatchObject(refused);
    const bergen = await hub.site("Bergen");
    await hub.set(host, { siteId: bergen.resourceId });
    await expect(hub.remove(oslo), "it manages the host still").rejects.toMatchObject(refused);
  });
});

describe("deleting a machine", () => {
  test("that no site manages takes it away at once", async () => {
    await using hub = await Harness.open();
    const host = await hub.host();
    await hub.remove(host);
    expect(await hub.get(host)).toBeUndefined();
    expect(await hub.feed(SHARED)).toContain(`-${host.resourceId}`);
  });

  test("asks its site to let go, and freezes it until then", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const host = await hub.host({ siteId: oslo.resourceId });
    await hub.remove(host);
    const frozen = await hub.get(host);
    expect(frozen).toMatchObject({ generation: 2, fields: { desiredState: "HOST_STATE_DELETED" } });
    expect(await hub.body(siteScope(oslo.resourceId), host)).toMatchObject({ generation: 2 });
    const refused = { code: "FailedPrecondition", message: expect.stringContaining("being deleted") };
    await expect(hub.set(host, { name: "other" })).rejects.toMatchObject(refused);
    await expect(hub.set(host, { siteId: bergen.resourceId })).rejects.toMatchObject(refused);
    await expect(hub.set(host, { desiredState: "HOST_STATE_ONBOARDED" })).rejects.toMatchObject(refused);
    await expect(hub.instance(host)).rejects.toMatchObject(refused);
    await hub.remove(host);
    expect(await hub.get(host)).toEqual(frozen);
  });

  test("by asking for its deleted state is the same as deleting it", async () => {
    await using hub = await Harness.open();
    const host = await hub.host();
    await hub.set(host, { desiredState: "HOST_STATE_DELETED" });
    expect(await hub.get(host)).toBeUndefined();
  });

  test("is refused while it has an instance, also by asking for its deleted state", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const instance = await hub.instance(host);
    const refused = { code: "FailedPrecondition", message: expect.stringContaining(instance.resourceId) };
    await expect(hub.remove(host)).rejects.toMatchObject(refused);
    await expect(hub.set(host, { desiredState: "HOST_STATE_DELETED" })).rejects.toMatchObject(refused);
    expect(await hub.get(host)).toEqual(host);
  });

  test("is accepted while its instance is being deleted, and ends in whichever order its site lets go", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    for (const first of ["host", "instance"] as const) {
      const host = await hub.host({ siteId: oslo.resourceId });
      const instance = await hub.instance(host);
      await hub.remove(instance);
      await hub.remove(host);
      expect((await hub.get(host))?.fields.desiredState).toBe("HOST_STATE_DELETED");
      const order = first === "host" ? [host, instance] : [instance, host];
      const results = [];
      for (const each of order) results.push((await hub.release(each, oslo.resourceId, "deleted")).result);
      expect(results).toEqual(first === "host" ? ["applied", "ignored"] : ["applied", "applied"]);
      expect([await hub.get(host), await hub.get(instance)]).toEqual([undefined, undefined]);
    }
  });

  test("ends when its site lets go: instance first, then the host", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const instance = await hub.instance(host);
    for (const each of [instance, host]) {
      await hub.remove(each);
      const outcome = await hub.release(each, oslo.resourceId, "deleted");
      const { head } = await hub.store.read((view) => view.feed(siteScope(oslo.resourceId), 0, 9));
      expect(outcome).toEqual({ result: "applied", at: { scope: siteScope(oslo.resourceId), seq: head } });
      expect(await hub.get(each)).toBeUndefined();
    }
    expect(await hub.feed(siteScope(oslo.resourceId))).toEqual([`-${instance.resourceId}`, `-${host.resourceId}`]);
    const again = await hub.release(host, oslo.resourceId, "deleted");
    expect(again).toMatchObject({ result: "ignored" });
  });

  test("does not end by a release that nobody asked for, of another write, or of another site", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const host = await hub.host({ siteId: oslo.resourceId });
    expect(await hub.release(host, oslo.resourceId, "deleted")).toMatchObject({ result: "ignored" });
    await hub.remove(host);
    expect(await hub.release(host, bergen.resourceId, "deleted")).toMatchObject({ result: "ignored" });
    expect(await hub.release(host, oslo.resourceId, "deleted", "an older write")).toMatchObject({ result: "ignored" });
    expect(await hub.get(host)).toBeDefined();
  });
});

describe("moving a host", () => {
  test("leaves it with its site until that lets go; then it changes feeds with its instance", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const host = await hub.host({ siteId: oslo.resourceId });
    const instance = await hub.instance(host);
    const asked = await hub.set(host, { siteId: bergen.resourceId });
    expect(asked).toMatchObject({ owner: oslo.resourceId, fields: { siteId: bergen.resourceId } });
    expect(await hub.feed(siteScope(bergen.resourceId))).toEqual([]);
    expect(await hub.body(siteScope(oslo.resourceId), host)).toMatchObject({ fields: { siteId: bergen.resourceId } });

    const outcome = await hub.release(host, oslo.resourceId, "moved");

    const { head } = await hub.store.read((view) => view.feed(siteScope(oslo.resourceId), 0, 9));
    expect(outcome).toEqual({ result: "applied", at: { scope: siteScope(oslo.resourceId), seq: head } });
    expect(await hub.feed(siteScope(oslo.resourceId))).toEqual([`-${instance.resourceId}`, `-${host.resourceId}`]);
    expect(await hub.feed(siteScope(bergen.resourceId))).toEqual([host.resourceId, instance.resourceId]);
    for (const each of [host, instance]) {
      expect(await hub.get(each)).toMatchObject({ owner: bergen.resourceId });
      expect(await hub.body(siteScope(bergen.resourceId), each)).toMatchObject({ owner: bergen.resourceId });
    }
    const changes = await hub.store.read((view) => view.changes(TENANT, 0, 20));
    expect(changes.at(-1)).toMatchObject({ actor: `site:${oslo.resourceId}`, after: { owner: bergen.resourceId } });
  });

  test("to nowhere gives it to all sites to see", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    expect((await hub.set(host, { siteId: null })).owner).toBe(oslo.resourceId);
    expect(await hub.release(host, oslo.resourceId, "moved")).toMatchObject({ result: "applied" });
    expect(await hub.get(host)).not.toHaveProperty("owner");
    expect(await hub.feed(SHARED)).toContain(host.resourceId);
  });

  test("to nowhere leaves nothing green behind, for nobody looks at it any more (rule 13)", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const host = await hub.host({ siteId: oslo.resourceId });
    const instance = await hub.instance(host);
    const green = "STATUS_INDICATION_IDLE";
    const seen = { hostStatus: "Running", hostStatusIndicator: green, currentPowerState: "POWER_STATE_ON" };
    await hub.observe(host, oslo.resourceId, { ...seen, cpuModel: "a cpu" });
    await hub.observe(instance, oslo.resourceId, { instanceStatus: "Running", instanceStatusIndicator: green });
    await hub.set(host, { siteId: null });
    expect((await hub.get(host))?.fields).toMatchObject(seen);
    await hub.release(host, oslo.resourceId, "moved");
    expect((await hub.get(host))?.fields).toMatchObject({
      hostStatus: "Not Connected",
      hostStatusIndicator: "STATUS_INDICATION_UNSPECIFIED",
      currentPowerState: "POWER_STATE_UNSPECIFIED",
      cpuModel: "a cpu",
    });
    expect(JSON.stringify(await hub.get(instance))).not.toContain(green);
  });

  test("back before its site let go leaves it there, whatever release comes late", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const host = await hub.host({ siteId: oslo.resourceId });
    const asked = await hub.set(host, { siteId: bergen.resourceId });
    await hub.set(host, { siteId: oslo.resourceId });
    const late = await hub.release(host, oslo.resourceId, "moved", asked.stamps.siteId?.id);
    expect(late).toMatchObject({ result: "ignored" });
    expect(await hub.get(host)).toMatchObject({ owner: oslo.resourceId });
    const again = await hub.set(host, { siteId: bergen.resourceId });
    const older = await hub.release(host, oslo.resourceId, "moved", asked.stamps.siteId?.id);
    expect(older, `answers another write than ${again.stamps.siteId?.id}`).toMatchObject({ result: "ignored" });
  });

  test("is not finished by another site, or for an instance", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const host = await hub.host({ siteId: oslo.resourceId });
    const instance = await hub.instance(host);
    await hub.set(host, { siteId: bergen.resourceId });
    expect(await hub.release(host, bergen.resourceId, "moved")).toMatchObject({ result: "ignored" });
    expect(await hub.release(instance, oslo.resourceId, "moved")).toMatchObject({ result: "ignored" });
  });

  test("that shall be deleted meanwhile ends when its site lets go, for either (rule 15)", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen] = [await hub.site("Oslo"), await hub.site("Bergen")];
    const host = await hub.host({ siteId: oslo.resourceId });
    await hub.set(host, { siteId: bergen.resourceId });
    await hub.remove(host);
    expect(await hub.release(host, oslo.resourceId, "moved")).toMatchObject({ result: "applied" });
    expect(await hub.get(host)).toBeUndefined();
    expect(await hub.feed(siteScope(bergen.resourceId))).not.toContain(host.resourceId);
  });
});
