import {
  Host,
  Instance,
  OperatingSystem,
  Provider,
  Region,
  type Resource,
  type ResourceBody,
  siteScope,
  tenantScope,
} from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { bodyOf } from "./feed-rows.ts";
import { Harness, TENANT } from "./harness.ts";

/** A row as a site holds it after writes that the hub has forgotten, each of an earlier life. */
function later(body: ResourceBody, epoch: string, writes: Record<string, unknown>): ResourceBody {
  const generation = body.generation + 1;
  const stamps = Object.fromEntries(
    Object.keys(writes).map((field) => [field, { id: `lost-${field}`, epoch, generation }]),
  );
  return { ...body, generation, stamps: { ...body.stamps, ...stamps }, fields: { ...body.fields, ...writes } };
}

const bodyOfHost = (host: Resource) => bodyOf(Host, host);

/** A hub in another life than that of its host, with a site that manages it. */
async function restored() {
  const hub = await Harness.open();
  const [oslo, bergen] = [(await hub.site("Oslo")).resourceId, (await hub.site("Bergen")).resourceId];
  const host = await hub.host({ siteId: oslo });
  const epoch = hub.authority.epoch();
  await hub.authority.beginEpoch();
  return { hub, oslo, bergen, host, epoch, [Symbol.asyncDispose]: () => hub.store.close() };
}

describe("what a site holds and the hub has forgotten (rule 20)", () => {
  test("a later value stands again, under the stamp that it had, and everybody sees it", async () => {
    await using at = await restored();
    const { hub, oslo, host, epoch } = at;
    const body = later(bodyOfHost(host), epoch, { name: "edge" });
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body })).toEqual({ conflicts: [] });
    const after = await hub.get(host);
    expect(after).toMatchObject({
      generation: 2,
      fields: { name: "edge" },
      stamps: { name: { id: "lost-name", epoch } },
    });
    expect(await hub.body(siteScope(oslo), host)).toMatchObject({ fields: { name: "edge" } });
    const changes = await hub.store.read((view) => view.changes(TENANT, 0, 99));
    expect(changes.at(-1)).toMatchObject({ actor: `site:${oslo}`, write: "lost-name", after: { name: "edge" } });

    await hub.recover(Host, host.resourceId, { site: oslo, body });
    expect(await hub.get(host), "said again it changes nothing").toEqual(after);
  });

  test("an older value does not return, nor one that the hub has had and overcome", async () => {
    await using at = await restored();
    const { hub, oslo, host, epoch } = at;
    const held = bodyOfHost(host);
    const body = { ...held, stamps: { ...held.stamps, name: { id: "lost", epoch, generation: 0 } } };
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body })).toEqual({ conflicts: [] });
    await hub.set(host, { name: "since" });
    const before = await hub.get(host);
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body: held })).toEqual({ conflicts: [] });
    expect(await hub.get(host)).toEqual(before);
  });

  test("what has been written since the restore is a conflict, once", async () => {
    await using at = await restored();
    const { hub, oslo, host, epoch } = at;
    await hub.set(host, { name: "since" });
    const body = later(bodyOfHost(host), epoch, { name: "edge", amtDnsSuffix: "lost.example" });
    const conflicts = [{ field: "name", held: { write: "lost-name", value: "edge" } }];
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body })).toEqual({ conflicts });
    const fields = { name: "since", amtDnsSuffix: "lost.example" };
    expect(await hub.get(host)).toMatchObject({ fields });
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body })).toEqual({ conflicts: [] });
  });

  test("a value of a life that this hub does not come from is a conflict, except where there was none", async () => {
    await using at = await restored();
    const { hub, oslo, host } = at;
    const body = later(bodyOfHost(host), "another", { name: "edge", amtDnsSuffix: "lost.example" });
    const { conflicts } = await hub.recover(Host, host.resourceId, { site: oslo, body });
    expect(conflicts.map(({ field }) => field)).toEqual(["name"]);
    expect(await hub.get(host)).toMatchObject({ fields: { name: "host", amtDnsSuffix: "lost.example" } });
  });

  test("a value of the life between two restores is later than that of the first", async () => {
    await using at = await restored();
    const { hub, oslo, host } = at;
    const second = hub.authority.epoch();
    await hub.authority.beginEpoch();
    const body = later({ ...bodyOfHost(host), generation: 0 }, second, { name: "edge" });
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body })).toEqual({ conflicts: [] });
    expect(await hub.get(host)).toMatchObject({ generation: 2, fields: { name: "edge" } });
  });

  test("a resource is made again with its stamps, for its site; one that all sites share for all of them", async () => {
    await using at = await restored();
    const { hub, oslo, host } = at;
    const id = "host-9000000a";
    const body = { ...bodyOfHost(host), creation: "lost" };
    await hub.recover(Host, id, { site: oslo, body });
    const { resourceId: _, ...rest } = host;
    expect(await hub.get({ ...host, resourceId: id })).toEqual({ ...rest, resourceId: id, creation: "lost" });
    expect(await hub.feed(siteScope(oslo))).toContain(id);
    const region = bodyOf(Region, { ...(await hub.add(Region, { name: "North" })), creation: "lost" });
    await hub.recover(Region, "region-9000000a", { site: oslo, body: region });
    expect(await hub.feed(tenantScope(TENANT))).toContain("region-9000000a");
  });

  test("what refers to something that is not there yet is refused whole, and taken once it is", async () => {
    await using at = await restored();
    const { hub, oslo, host } = at;
    const instance = bodyOf(Instance, await hub.instance(host));
    const held = { ...instance, creation: "lost", fields: { ...instance.fields, hostID: "host-9000000a" } };
    const again = () => hub.recover(Instance, "inst-9000000a", { site: oslo, body: held });
    await expect(again()).rejects.toMatchObject({ code: "InvalidArgument", fields: ["hostID"] });
    await hub.recover(Host, "host-9000000a", { site: oslo, body: { ...bodyOfHost(host), creation: "lost" } });
    expect(await again()).toEqual({ conflicts: [] });
    expect(await hub.store.read((view) => view.get(Instance, TENANT, "inst-9000000a"))).toMatchObject({ owner: oslo });
  });

  test("two creations under one id are a conflict about the whole (rule 16)", async () => {
    await using at = await restored();
    const { hub, oslo, host, epoch } = at;
    const body = later({ ...bodyOfHost(host), creation: "another" }, epoch, { name: "edge" });
    const { conflicts } = await hub.recover(Host, host.resourceId, { site: oslo, body });
    expect(conflicts).toEqual([
      { field: null, held: { write: "another", value: expect.objectContaining({ name: "edge" }) } },
    ]);
    expect(await hub.get(host)).toEqual(host);
  });

  test("what two must not share is a conflict: about the whole that cannot be made, about the field that cannot be set", async () => {
    await using at = await restored();
    const { hub, oslo, epoch } = at;
    const [debian, ubuntu] = [await hub.os("Debian"), await hub.os("Ubuntu")];
    await hub.authority.beginEpoch();
    const twin = { ...bodyOf(OperatingSystem, debian), creation: "lost" };
    const whole = await hub.recover(OperatingSystem, "os-9000000a", { site: oslo, body: twin });
    expect(whole.conflicts).toMatchObject([{ field: null, held: { write: "lost" } }]);
    const held = { ...bodyOf(OperatingSystem, ubuntu), stamps: {} };
    const body = later(held, epoch, { name: "Debian", description: "lost" });
    const standing = { name: ubuntu.stamps.name };
    await hub.store.write((tx) =>
      tx.replace(OperatingSystem, { ...ubuntu, stamps: { sha256: standing.name } } as never),
    );
    const one = await hub.recover(OperatingSystem, ubuntu.resourceId, { site: oslo, body });
    expect(one.conflicts).toEqual([{ field: "name", held: { write: "lost-name", value: "Debian" } }]);
    expect((await hub.get(ubuntu))?.fields).toMatchObject({ name: "Ubuntu", description: "lost" });
  });

  test("regions do not close in a circle", async () => {
    await using at = await restored();
    const { hub, oslo, epoch } = at;
    const north = await hub.add(Region, { name: "North" });
    const east = await hub.add(Region, { name: "East", parentId: north.resourceId });
    const body = later(bodyOf(Region, north), epoch, { parentId: east.resourceId });
    const { conflicts } = await hub.recover(Region, north.resourceId, { site: oslo, body });
    expect(conflicts.map(({ field }) => field)).toEqual(["parentId"]);
    expect((await hub.get(north))?.fields).not.toHaveProperty("parentId");
  });

  test("ownership follows a move that was forgotten, and instances follow their host (rule 14)", async () => {
    await using at = await restored();
    const { hub, oslo, bergen, host, epoch } = at;
    const instance = await hub.instance(host);
    const body = { ...later(bodyOfHost(host), epoch, { siteId: bergen }), owner: bergen };
    await hub.recover(Host, host.resourceId, { site: bergen, body });
    expect(await hub.get(host)).toMatchObject({ owner: bergen, fields: { siteId: bergen } });
    expect(await hub.get(instance)).toMatchObject({ owner: bergen });
    expect(await hub.feed(siteScope(oslo))).toContain(`-${host.resourceId}`);
  });

  test("ownership stays where an operator has wanted it since the restore", async () => {
    await using at = await restored();
    const { hub, oslo, bergen, host, epoch } = at;
    await hub.set(host, { siteId: null });
    const body = { ...later(bodyOfHost(host), epoch, { siteId: bergen }), owner: bergen };
    const { conflicts } = await hub.recover(Host, host.resourceId, { site: bergen, body });
    expect(conflicts.map(({ field }) => field)).toEqual(["siteId"]);
    expect(await hub.get(host)).toMatchObject({ owner: oslo });
  });

  test("a claim that was forgotten stands, also when the site shall let go of the machine since", async () => {
    await using at = await restored();
    const { hub, oslo, bergen, epoch } = at;
    const [one, other] = [await hub.host(), await hub.host()];
    const claimed = { ...later(bodyOfHost(one), epoch, { siteId: oslo }), owner: oslo };
    await hub.recover(Host, one.resourceId, { site: oslo, body: claimed });
    expect(await hub.get(one)).toMatchObject({ owner: oslo });
    const leaving = { ...later(bodyOfHost(other), epoch, { siteId: bergen }), owner: oslo };
    leaving.stamps = { ...leaving.stamps, siteId: { id: "lost too", epoch, generation: 2 } };
    await hub.recover(Host, other.resourceId, { site: oslo, body: leaving });
    expect(await hub.get(other)).toMatchObject({ owner: oslo, fields: { siteId: bergen } });
  });

  test("what is gone stays gone; what the hub did not know of it is a conflict (rule 15)", async () => {
    await using at = await restored();
    const { hub, oslo, host, epoch } = at;
    await hub.remove(host);
    await hub.release(host, oslo, "deleted");
    const held = bodyOfHost(host);
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body: held })).toEqual({ conflicts: [] });
    const body = later(held, epoch, { name: "edge" });
    const conflicts = [{ field: "name", held: { write: "lost-name", value: "edge" } }];
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body })).toEqual({ conflicts });
    expect(await hub.recover(Host, host.resourceId, { site: oslo, body })).toEqual({ conflicts: [] });
    expect(await hub.get(host)).toBeUndefined();
  });

  test("what was retired is not offered again (rule 12)", async () => {
    await using at = await restored();
    const { hub, oslo } = at;
    const os = await hub.os();
    const body = { ...bodyOf(OperatingSystem, os), retired: 77 };
    await hub.recover(OperatingSystem, os.resourceId, { site: oslo, body });
    expect(await hub.get(os)).toMatchObject({ retired: 77 });
    expect(await hub.body(tenantScope(TENANT), os)).toMatchObject({ retired: 77 });
  });

  test("a secret stays as the hub has it, for no site holds one (rule 11)", async () => {
    await using at = await restored();
    const { hub, oslo, epoch } = at;
    const secret = { providerKind: "PROVIDER_KIND_BAREMETAL", name: "Acme", apiEndpoint: "x", apiCredentials: ["s"] };
    const acme = await hub.add(Provider, secret);
    const body = bodyOf(Provider, acme);
    const stamp = { id: "lost", epoch, generation: 9 };
    const held = { ...body, stamps: { ...body.stamps, apiCredentials: stamp } };
    await hub.recover(Provider, acme.resourceId, { site: oslo, body: held });
    expect((await hub.get(acme))?.fields).toMatchObject({ apiCredentials: ["s"] });
  });

  test("a site is not believed about another's machines, another tenant, or values that cannot be", async () => {
    await using at = await restored();
    const { hub, oslo, bergen, host, epoch } = at;
    const body = bodyOfHost(host);
    const give = (site: string, held: ResourceBody) => hub.recover(Host, host.resourceId, { site, body: held });
    await expect(give(bergen, body)).rejects.toMatchObject({ code: "PermissionDenied" });
    await expect(give(oslo, { ...body, tenant: "other" })).rejects.toMatchObject({ code: "PermissionDenied" });
    const wrong = later(body, epoch, { desiredPowerState: "POWER_STATE_WARP" });
    await expect(give(oslo, wrong)).rejects.toMatchObject({ code: "InvalidArgument", fields: ["desiredPowerState"] });
    const unheard = later(body, epoch, { colour: "red", name: "edge" });
    await give(oslo, unheard);
    expect((await hub.get(host))?.fields).toMatchObject({ name: "edge" });
  });
});
