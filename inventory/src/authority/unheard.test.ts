import { Site, siteScope } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { ALICE, Harness, TENANT } from "./harness.ts";

async function openWith(heard: readonly string[]) {
  const names = new Map<string, string>();
  const hub = await Harness.open([], { wasHeard: async (_, site) => heard.includes(names.get(site) ?? "") });
  const site = async (name: string) => {
    const { resourceId } = await hub.site(name);
    names.set(resourceId, name);
    return resourceId;
  };
  const [oslo, bergen] = [await site("oslo"), await site("bergen")];
  const host = await hub.host({ siteId: oslo, serialNumber: "SN42" });
  const instance = await hub.instance(host);
  return { hub, oslo, bergen, host, instance, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

describe("what a site has that was never heard", () => {
  test("goes at once when it is deleted, and leaves a tombstone; then the site can go too", async () => {
    await using it = await openWith([]);
    await it.hub.remove(it.instance);
    expect(await it.hub.get(it.instance)).toBeUndefined();
    await it.hub.remove(it.host);
    expect(await it.hub.get(it.host)).toBeUndefined();
    expect(await it.hub.feed(siteScope(it.oslo))).toContain(`-${it.host.resourceId}`);
    await it.hub.authority.remove(Site, { actor: ALICE, tenant: TENANT, id: it.oslo });
  });

  test("is not deleted while something needs it", async () => {
    await using it = await openWith([]);
    await expect(it.hub.remove(it.host)).rejects.toMatchObject({ code: "FailedPrecondition" });
    expect((await it.hub.get(it.host))?.fields.desiredState).not.toBe("HOST_STATE_DELETED");
  });

  test("goes over at once to where it is wanted, with what follows it", async () => {
    await using it = await openWith(["bergen"]);
    await it.hub.set(it.host, { siteId: it.bergen });
    expect((await it.hub.get(it.host))?.owner).toBe(it.bergen);
    expect((await it.hub.get(it.instance))?.owner).toBe(it.bergen);
    expect(await it.hub.feed(siteScope(it.oslo))).toContain(`-${it.host.resourceId}`);
    expect(await it.hub.feed(siteScope(it.bergen))).toEqual([it.host.resourceId, it.instance.resourceId]);
  });

  test("is nobody's when it is wanted at no site", async () => {
    await using it = await openWith([]);
    await it.hub.set(it.host, { siteId: null });
    expect((await it.hub.get(it.host))?.owner).toBeUndefined();
  });
});

test("of a site that was heard once, however long ago, nothing goes before it has let go", async () => {
  await using it = await openWith(["oslo"]);
  await it.hub.remove(it.instance);
  await it.hub.remove(it.host);
  expect((await it.hub.get(it.host))?.fields.desiredState).toBe("HOST_STATE_DELETED");
  expect((await it.hub.get(it.instance))?.owner).toBe(it.oslo);
});
