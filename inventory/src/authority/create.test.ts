import {
  Host,
  Instance,
  isId,
  OperatingSystem,
  Provider,
  Region,
  Site,
  siteScope,
  tenantScope,
} from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { EVERY_TENANT } from "../store/contract.ts";
import { ALICE, Harness, TENANT } from "./harness.ts";
import { FIRST_LENT, freshId, SEGMENT } from "./ids.ts";

const SHARED = tenantScope(TENANT);

describe("making a resource", () => {
  test("gives it a fresh id that is never lent, initial values, and a stamp on each field given", async () => {
    await using hub = await Harness.open();
    const os = await hub.add(OperatingSystem, { name: "Ubuntu", sha256: "a".repeat(64) });
    expect(isId("os", os.resourceId)).toBe(true);
    expect(Number.parseInt(os.resourceId.slice(-8), 16)).toBeLessThan(FIRST_LENT);
    expect(os.fields).toMatchObject({ name: "Ubuntu", osType: "OS_TYPE_UNSPECIFIED", imageUrl: "" });
    expect(os).toMatchObject({ generation: 1, createdAt: 1_000, updatedAt: 1_000 });
    const stamp = { id: expect.any(String), epoch: hub.authority.epoch(), generation: 1 };
    expect(os.stamps).toEqual({ name: stamp, sha256: stamp });
    expect(os.stamps.name).toEqual(os.stamps.sha256);
    expect(await hub.get(os)).toEqual(os);
  });

  test("gives a site an id that no site of any tenant has, and others one that is free in their own", async () => {
    await using hub = await Harness.open();
    const other = await hub.authority.createTenant({ actor: "hub", name: "other" });
    const [site, region] = [await hub.add(Site, { name: "s" }), await hub.add(Region, { name: "r" })];
    const numberOf = (id: string) => Number.parseInt(id.slice(-8), 16);
    const idFor = (kind: typeof Site | typeof Region, taken: string) => {
      const numbers = [numberOf(taken), 7];
      return hub.authority.store.write((tx) => freshId(tx, kind, other.id, () => numbers.shift() ?? 0));
    };
    expect(await idFor(Site, site.resourceId)).toBe("site-00000007");
    expect(await idFor(Region, region.resourceId)).toBe(region.resourceId);
  });

  test("shows it to all sites, with its stamps and without secrets or observations", async () => {
    await using hub = await Harness.open();
    const fields = {
      providerKind: "PROVIDER_KIND_BAREMETAL",
      name: "Acme",
      apiEndpoint: "x",
      apiCredentials: ["s3cret"],
    };
    const provider = await hub.add(Provider, fields);
    expect(provider.fields).toMatchObject({ apiCredentials: ["s3cret"] });
    const body = await hub.body(SHARED, provider);
    expect(JSON.stringify(body)).not.toContain("s3cret");
    expect(body).toMatchObject({ tenant: TENANT, generation: 1, creation: provider.creation, stamps: provider.stamps });
    const host = await hub.host();
    const shown = await hub.body(SHARED, host);
    expect(shown?.fields).toMatchObject({ name: "host", desiredState: "HOST_STATE_UNSPECIFIED" });
    expect(Object.keys(shown?.fields ?? {})).not.toContain("hostStatus");
    expect(Object.keys(shown?.fields ?? {})).not.toContain("hostNics");
  });

  test("leaves its mark in the history, without secrets", async () => {
    await using hub = await Harness.open();
    const fields = {
      providerKind: "PROVIDER_KIND_BAREMETAL",
      name: "Acme",
      apiEndpoint: "x",
      apiCredentials: ["s3cret"],
    };
    const { resourceId } = await hub.add(Provider, fields);
    const changes = await hub.store.read((view) => view.changes(TENANT, 0, 10));
    expect(JSON.stringify(changes)).not.toContain("s3cret");
    expect(changes.at(-1)).toMatchObject({
      actor: ALICE,
      kind: "provider",
      id: resourceId,
      operation: "create",
      before: null,
    });
    expect(changes.at(-1)?.after).toMatchObject({ name: "Acme" });
  });

  test("twice with the same creation makes it once", async () => {
    await using hub = await Harness.open();
    const request = { actor: ALICE, tenant: TENANT, creation: "once", fields: { name: "Norway" } };
    const first = await hub.authority.create(Region, request);
    const repeated = await hub.store.write((tx) => hub.authority.createIn(tx, Region, request));
    expect(repeated).toMatchObject({ created: false, resource: first, at: { scope: SHARED } });
    const { rows } = await hub.store.read((view) => view.feed(SHARED, 0, 10));
    expect(repeated.at?.seq).toBe(rows.at(-1)?.seq);
    expect((await hub.store.read((view) => view.list(Region, { tenant: EVERY_TENANT }))).total).toBe(1);
  });

  test("with an id that another creation took is refused, and so is an id of another kind", async () => {
    await using hub = await Harness.open();
    const request = { actor: ALICE, tenant: TENANT, id: "region-80000001", fields: { name: "Norway" } };
    const made = await hub.authority.create(Region, { ...request, creation: "one" });
    expect(made.resourceId).toBe("region-80000001");
    const other = hub.authority.create(Region, { ...request, creation: "two" });
    await expect(other).rejects.toMatchObject({ code: "AlreadyExists" });
    const moved = hub.authority.create(Region, { ...request, creation: "one", id: "region-80000002" });
    await expect(moved).rejects.toMatchObject({ code: "AlreadyExists" });
    const wrong = hub.authority.create(Region, { ...request, id: "site-80000002" });
    await expect(wrong).rejects.toMatchObject({ code: "InvalidArgument", fields: ["resourceId"] });
  });

  test.each([
    [Provider, { name: "Acme", apiEndpoint: "x" }, "providerKind"],
    [OperatingSystem, { name: "x", sha256: "short" }, "sha256"],
    [Host, { name: "x", colour: "red" }, "colour"],
    [Host, { name: "x", constructor: "red" }, "constructor"],
    [Host, { name: "x", desiredState: "HOST_STATE_PERFECT" }, "desiredState"],
    [Host, { name: "x", desiredState: "HOST_STATE_DELETED" }, "desiredState"],
    [Instance, { hostID: "", osID: "os-00000001" }, "hostID"],
    [
      Region,
      {
        metadata: [
          { key: "a", value: "1" },
          { key: "a", value: "2" },
        ],
      },
      "metadata",
    ],
    [Site, { regionId: "region-00000009" }, "regionId"],
    [Host, { name: "x", siteId: "site-00000009" }, "siteId"],
    [Site, { siteLat: 900_000_001 }, "siteLat"],
  ])("without what is required, or with what cannot be, is refused by name (%#)", async (kind, fields, named) => {
    await using hub = await Harness.open();
    await expect(hub.add(kind, fields)).rejects.toMatchObject({ code: "InvalidArgument", fields: [named] });
  });

  test("observations and bookkeeping are not an operator's to write; bookkeeping is the hub's", async () => {
    await using hub = await Harness.open();
    const observation = hub.host({ currentState: "HOST_STATE_ONBOARDED" });
    await expect(observation).rejects.toMatchObject({ code: "PermissionDenied", fields: ["currentState"] });
    const fields = { name: "x", sha256: "a".repeat(64), installedPackages: "vim" };
    await expect(hub.add(OperatingSystem, fields)).rejects.toMatchObject({ fields: ["installedPackages"] });
    const made = await hub.authority.create(OperatingSystem, { actor: "hub", tenant: TENANT, fields });
    expect(made.fields.installedPackages).toBe("vim");
    expect(Object.keys(made.stamps)).toEqual(["name", "sha256"]);
  });

  test("references say which kind was not found, also of kinds that nobody can make yet", async () => {
    await using hub = await Harness.open();
    const [host, os] = [await hub.host(), await hub.os()];
    const ids = { hostID: host.resourceId, osID: os.resourceId };
    const account = hub.add(Instance, { ...ids, localAccountID: "localaccount-00000001" });
    await expect(account).rejects.toMatchObject({
      message: "local_account_resource not found",
      fields: ["localAccountID"],
    });
    const configs = hub.add(Instance, { ...ids, customConfigID: ["customconfig-00000001"] });
    await expect(configs).rejects.toMatchObject({ message: "custom_config_resource not found" });
    const empty = await hub.add(Site, { name: "x", regionId: "" });
    expect(empty.fields).not.toHaveProperty("regionId");
  });

  test("a host's UUID is kept in lower case and compared so; an empty identity is none", async () => {
    await using hub = await Harness.open();
    const uuid = "0A0B0C0D-0000-4000-8000-00000000000A";
    const host = await hub.host({ uuid });
    expect(host.fields).toMatchObject({ uuid: uuid.toLowerCase() });
    await expect(hub.host({ uuid: uuid.toLowerCase() })).rejects.toMatchObject({
      code: "FailedPrecondition",
      fields: ["uuid"],
    });
    const unknown = await hub.host({ uuid: "", serialNumber: "" });
    expect(unknown.fields).not.toHaveProperty("uuid");
    expect(unknown.fields).not.toHaveProperty("serialNumber");
  });
});

describe("where a machine is shown", () => {
  test("a host without a site to all sites, one with a site to that one alone, its instance beside it", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const [loose, placed] = [await hub.host(), await hub.host({ siteId: oslo.resourceId })];
    const [looseInstance, instance] = [await hub.instance(loose), await hub.instance(placed)];
    expect(placed.owner).toBe(oslo.resourceId);
    expect(loose.owner).toBeUndefined();
    expect(await hub.feed(siteScope(oslo.resourceId))).toEqual([placed.resourceId, instance.resourceId]);
    const shared = await hub.feed(SHARED);
    expect(shared).toContain(loose.resourceId);
    expect(shared).toContain(looseInstance.resourceId);
    expect(shared).not.toContain(placed.resourceId);
    expect(shared).not.toContain(instance.resourceId);
    expect(await hub.body(siteScope(oslo.resourceId), placed)).toMatchObject({ owner: oslo.resourceId });
  });

  test("a tenant itself to all its sites", async () => {
    await using hub = await Harness.open();
    const tenant = await hub.authority.createTenant({ actor: "hub", name: "second" });
    expect(await hub.feed(tenantScope(tenant.id))).toEqual([tenant.id]);
    await expect(hub.authority.createTenant({ actor: "hub", name: "second" })).rejects.toMatchObject({
      code: "AlreadyExists",
    });
    await expect(hub.authority.createTenant({ actor: "hub", name: "" })).rejects.toThrow("1 to 100");
  });
});

describe("what a site made", () => {
  test("is made under its own id and write, at that site", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const request = {
      actor: "operator:bob",
      tenant: TENANT,
      id: "host-80000001",
      owner: oslo.resourceId,
      write: "intent-1",
    };
    const made = await hub.store.write((tx) =>
      hub.authority.createIn(tx, Host, { ...request, creation: "c1", fields: { name: "edge" } }),
    );
    expect(made).toMatchObject({ created: true, at: { scope: siteScope(oslo.resourceId) } });
    expect(made.resource).toMatchObject({ owner: oslo.resourceId, fields: { siteId: oslo.resourceId } });
    expect(made.resource.stamps.name?.id).toBe("intent-1");
  });

  test("and was deleted since is not made again by the same creation coming late", async () => {
    await using hub = await Harness.open();
    const oslo = await hub.site("Oslo");
    const request = { actor: "operator:bob", tenant: TENANT, id: "host-80000001", owner: oslo.resourceId };
    const make = () =>
      hub.store.write((tx) =>
        hub.authority.createIn(tx, Host, { ...request, creation: "c1", fields: { name: "edge" } }),
      );
    const { resource } = await make();
    await hub.remove(resource);
    await hub.release(resource, oslo.resourceId, "deleted");
    await expect(make()).rejects.toMatchObject({ code: "FailedPrecondition" });
    expect(await hub.get(resource)).toBeUndefined();
  });

  test("must be a machine, at that very site, on its own host, and no work of the hub's", async () => {
    await using hub = await Harness.open();
    const [oslo, bergen, os] = [await hub.site("Oslo"), await hub.site("Bergen"), await hub.os()];
    const theirs = await hub.host({ siteId: bergen.resourceId });
    const denied = async (kind: typeof Host | typeof Region | typeof Instance, fields: Record<string, unknown>) => {
      const request = { actor: "hub", tenant: TENANT, owner: oslo.resourceId, fields };
      const making = hub.store.write((tx) => hub.authority.createIn(tx, kind, request));
      await expect(making).rejects.toMatchObject({ code: "PermissionDenied" });
    };
    await denied(Region, { name: "x" });
    await denied(Host, { name: "x", siteId: bergen.resourceId });
    await denied(Host, { name: "x", providerId: "provider-00000001" });
    await denied(Instance, { hostID: theirs.resourceId, osID: os.resourceId });
  });
});

describe("ids for sites", () => {
  test("are lent in blocks that never overlap and that the hub never draws from", async () => {
    await using hub = await Harness.open();
    const blocks = await hub.store.write(async (tx) => [
      await hub.authority.lendIds(tx, 100),
      await hub.authority.lendIds(tx, 5),
    ]);
    const [first = 0] = blocks.map((block) => block.first);
    expect(first).toBeGreaterThanOrEqual(FIRST_LENT);
    expect(blocks).toEqual([
      { first, count: 100 },
      { first: first + 100, count: 5 },
    ]);
    await expect(hub.store.write((tx) => hub.authority.lendIds(tx, 0))).rejects.toThrow(RangeError);
  });

  test("of a segment that is used up are followed by those of another; at last they run out with a word for it", async () => {
    await using hub = await Harness.open();
    const lend = (count: number) => hub.store.write((tx) => hub.authority.lendIds(tx, count));
    const [whole, next] = [await lend(SEGMENT - 1), await lend(2)];
    expect(next.first === whole.first + SEGMENT || next.first < whole.first).toBe(true);
    expect(next.first + next.count).toBeLessThanOrEqual(0xffff_ffff);
    await hub.store.write(async (tx) => {
      const all = Array.from({ length: 0x8000_0000 / SEGMENT }, (_, segment) => segment);
      await tx.setSetting("lent-segments", JSON.stringify(all));
    });
    await lend(SEGMENT);
    await expect(lend(1)).rejects.toMatchObject({ code: "ResourceExhausted" });
  });
});
