import { Host, type Resource, type ResourceBody, siteScope } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { bodyOf } from "./feed-rows.ts";
import { Harness } from "./harness.ts";

const DELETED = "HOST_STATE_DELETED";

function later(body: ResourceBody, epoch: string, writes: Record<string, unknown>): ResourceBody {
  const stamps = Object.keys(writes).map((field) => [field, { id: `lost-${field}`, epoch, generation: 9 }]);
  return { ...body, stamps: { ...body.stamps, ...Object.fromEntries(stamps) }, fields: { ...body.fields, ...writes } };
}

async function restored() {
  const hub = await Harness.open();
  const [oslo, bergen] = [(await hub.site("Oslo")).resourceId, (await hub.site("Bergen")).resourceId];
  const host = await hub.host({ siteId: oslo });
  const epoch = hub.authority.epoch();
  await hub.authority.beginEpoch();
  const held = (writes: Record<string, unknown>, of: Resource = host) => later(bodyOf(Host, of), epoch, writes);
  return { hub, oslo, bergen, host, held, [Symbol.asyncDispose]: () => hub.store.close() };
}

describe("a machine that a site let go before the hub lost history (rules 15, 20)", () => {
  test("deleted is gone again, though the hub had forgotten that it was to be deleted", async () => {
    await using at = await restored();
    const { hub, oslo, host, held } = at;
    const body = held({ desiredState: DELETED, name: "edge" });
    expect(await hub.recoverLetGo(host.resourceId, { site: oslo, body, reason: "deleted" })).toEqual({ conflicts: [] });
    expect(await hub.get(host)).toBeUndefined();
    expect(await hub.feed(siteScope(oslo))).toContain(`-${host.resourceId}`);
  });

  test("deleted and unknown at the hub, it does not return by what another site holds", async () => {
    await using at = await restored();
    const { hub, oslo, bergen, host, held } = at;
    const id = "host-9000000a";
    const body = { ...held({ desiredState: DELETED }), creation: "lost" };
    await hub.recoverLetGo(id, { site: oslo, body, reason: "deleted" });
    const older = { ...bodyOf(Host, host), creation: "lost", owner: bergen };
    expect(await hub.recover(Host, id, { site: bergen, body: older })).toEqual({ conflicts: [] });
    expect(await hub.get({ ...host, resourceId: id })).toBeUndefined();
  });

  test("is kept when an operator has wanted something else of it since", async () => {
    await using at = await restored();
    const { hub, oslo, host, held } = at;
    await hub.set(host, { desiredState: "HOST_STATE_ONBOARDED" });
    const body = held({ desiredState: DELETED });
    const { conflicts } = await hub.recoverLetGo(host.resourceId, { site: oslo, body, reason: "deleted" });
    expect(conflicts).toEqual([{ field: "desiredState", held: { write: "lost-desiredState", value: DELETED } }]);
    expect(await hub.get(host)).toMatchObject({ owner: oslo });
  });

  test("is not deleted while something refers to it: that must be let go first", async () => {
    await using at = await restored();
    const { hub, oslo, host, held } = at;
    const instance = await hub.instance(host);
    const body = held({ desiredState: DELETED });
    const again = () => hub.recoverLetGo(host.resourceId, { site: oslo, body, reason: "deleted" });
    await expect(again()).rejects.toMatchObject({ code: "FailedPrecondition" });
    expect((await hub.get(host))?.fields).not.toMatchObject({ desiredState: DELETED });
    await hub.remove(instance);
    await hub.release(instance, oslo, "deleted");
    expect(await again()).toEqual({ conflicts: [] });
    expect(await hub.get(host)).toBeUndefined();
  });

  test("moved is its new site's, known to the hub or not (rule 14)", async () => {
    await using at = await restored();
    const { hub, oslo, bergen, host, held } = at;
    const body = held({ siteId: bergen });
    await hub.recoverLetGo(host.resourceId, { site: oslo, body, reason: "moved" });
    expect(await hub.get(host)).toMatchObject({ owner: bergen, fields: { siteId: bergen } });
    await hub.recoverLetGo("host-9000000a", { site: oslo, body: { ...body, creation: "lost" }, reason: "moved" });
    expect(await hub.get({ ...host, resourceId: "host-9000000a" })).toMatchObject({ owner: bergen });
    expect(await hub.feed(siteScope(bergen))).toEqual([host.resourceId, "host-9000000a"]);
  });

  test("moved by one that does not manage it any more changes no owner", async () => {
    await using at = await restored();
    const { hub, oslo, bergen, held } = at;
    const host = await hub.host({ siteId: bergen });
    const body = { ...held({ siteId: bergen }, host), owner: oslo };
    await hub.recoverLetGo(host.resourceId, { site: oslo, body, reason: "moved" });
    expect(await hub.get(host)).toMatchObject({ owner: bergen });
  });

  test("moved, and to be deleted since, it is with nobody and ends", async () => {
    await using at = await restored();
    const { hub, oslo, bergen, host, held } = at;
    await hub.remove(host);
    await hub.recoverLetGo(host.resourceId, { site: oslo, body: held({ siteId: bergen }), reason: "moved" });
    expect(await hub.get(host)).toBeUndefined();
  });
});

describe("a release that brings its row", () => {
  test("gives the hub what it has forgotten before the row is gone (rule 20)", async () => {
    await using at = await restored();
    const { hub, oslo, host, held } = at;
    await hub.remove(host);
    const stamp = (await hub.get(host))?.stamps.desiredState?.id ?? "";
    const release = {
      kind: Host,
      tenant: host.tenant,
      id: host.resourceId,
      site: oslo,
      reason: "deleted" as const,
      stamp,
    };
    const body = held({ name: "edge" });
    const outcome = await hub.store.write((tx) => hub.authority.releaseIn(tx, { ...release, body }));
    expect(outcome).toMatchObject({ result: "applied" });
    expect(await hub.store.read((view) => view.knowsWrite(host.tenant, "lost-name"))).toBe(true);
    expect(await hub.get(host)).toBeUndefined();
  });
});
