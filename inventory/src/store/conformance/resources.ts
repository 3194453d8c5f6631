import {
  CustomConfig,
  Host,
  Instance,
  KINDS,
  type Kind,
  LocalAccount,
  OperatingSystem,
  OsUpdatePolicy,
  Provider,
  Region,
  type Resource,
  Site,
  Workload,
} from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { EVERY_TENANT, type OneOrEveryTenant, type Store } from "../contract.ts";
import { fullResources, insert, type NewPlace, OTHER, openWithTenants, resource, TENANT } from "./fixture.ts";

function read(store: Store, kind: Kind, id: string, tenant = TENANT): Promise<Resource | undefined> {
  return store.read((view) => view.get(kind, tenant, id));
}

/** The first with all the second's values, but for what identifies it and what it refers to. */
function renewed(kind: Kind, first: Resource, second: Resource): Resource {
  const { resourceId, creation, owner, observedBy } = first;
  const references = Object.entries(first.fields).filter(([name]) => kind.fields[name]?.reference);
  const machine = owner === undefined ? {} : { owner, ...(observedBy === undefined ? {} : { observedBy }) };
  return {
    ...{ ...second, resourceId, creation, ...machine },
    fields: { ...second.fields, ...Object.fromEntries(references) },
  };
}

export function resourceConformance(newPlace: NewPlace): void {
  describe("resources", () => {
    test("every field of every kind comes back as it was inserted", async () => {
      const store = await openWithTenants(newPlace);
      for (const { kind, full } of fullResources(1)) {
        await insert(store, kind, full);
        expect(await read(store, kind, full.resourceId)).toEqual(full);
      }
    });

    test("every field of every kind comes back as it was replaced", async () => {
      const store = await openWithTenants(newPlace);
      for (const { kind, full } of fullResources(1)) await insert(store, kind, full);
      const seconds = fullResources(2);
      for (const [at, { kind, full }] of fullResources(1).entries()) {
        const wanted = renewed(kind, full, seconds[at]?.full ?? full);
        await store.write((transaction) => transaction.replace(kind, wanted));
        expect(await read(store, kind, full.resourceId)).toEqual(wanted);
      }
    });

    test("what has no value is absent, not null; a machine without parts has none", async () => {
      const store = await openWithTenants(newPlace);
      for (const kind of KINDS) {
        const bare = resource(kind, "00000001");
        await insert(store, kind, bare);
        const parts = Object.entries(kind.fields).filter(([, field]) => field.component);
        const fields = Object.fromEntries(parts.map(([name]) => [name, []]));
        expect(await read(store, kind, bare.resourceId)).toStrictEqual({ ...bare, fields });
      }
    });

    test("replacing with less unsets the rest, parts included", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Host, resource(Host, "00000001", { note: "n", hostNics: [{ mtu: 1 }, { mtu: 2 }] }));
      await store.write((transaction) =>
        transaction.replace(Host, resource(Host, "00000001", { hostNics: [{ mtu: 2, deviceName: "eth0" }] })),
      );
      const found = await read(store, Host, "host-00000001");
      expect(found?.fields).toMatchObject({ hostNics: [{ mtu: 2, deviceName: "eth0" }] });
      expect(found?.fields).not.toHaveProperty("note");
    });

    test("getMany gives those that exist, by id", async () => {
      const store = await openWithTenants(newPlace);
      for (const id of ["00000001", "00000002"]) {
        await insert(store, Host, resource(Host, id, { hostNics: [{ macAddr: id }] }));
      }
      const ids = ["host-00000002", "host-00000009", "host-00000001", "host-00000002"];
      const found = await store.read((view) => view.getMany(Host, TENANT, ids));
      expect([...found.keys()].sort()).toEqual(["host-00000001", "host-00000002"]);
      expect(found.get("host-00000002")?.fields.hostNics).toEqual([{ macAddr: "00000002" }]);
      expect(await store.read((view) => view.getMany(Host, TENANT, []))).toEqual(new Map());
    });

    test("one that is retired is found by its id and by its values, and on no list", async () => {
      const store = await openWithTenants(newPlace);
      const old = resource(OperatingSystem, "00000001", { name: "Ubuntu" }, { retired: 5 });
      await insert(store, OperatingSystem, old);
      await insert(store, OperatingSystem, resource(OperatingSystem, "00000002", { name: "Debian" }));
      expect(await read(store, OperatingSystem, "os-00000001")).toEqual(old);
      const found = await store.read(async (view) => ({
        listed: (await view.list(OperatingSystem, { tenant: TENANT })).resources.map((each) => each.resourceId),
        total: (await view.list(OperatingSystem, { tenant: EVERY_TENANT, limit: 1 })).total,
        named: (await view.find(OperatingSystem, { name: "Ubuntu" }, EVERY_TENANT)).length,
        many: (await view.getMany(OperatingSystem, TENANT, ["os-00000001"])).size,
      }));
      expect(found).toEqual({ listed: ["os-00000002"], total: 1, named: 1, many: 1 });
    });

    test("find matches whole values, or one of several, by id and over all tenants when none is given", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Region, resource(Region, "00000003", { name: "Oslo" }, { tenant: OTHER }));
      await insert(store, Region, resource(Region, "00000002", { name: "Oslo East" }));
      await insert(store, Region, resource(Region, "00000001", { name: "Oslo" }));
      const ids = (tenant: OneOrEveryTenant) =>
        store.read(async (view) => (await view.find(Region, { name: "Oslo" }, tenant)).map((each) => each.resourceId));
      expect(await ids(TENANT)).toEqual(["region-00000001"]);
      expect(await ids(EVERY_TENANT)).toEqual(["region-00000001", "region-00000003"]);
      const made = await store.read((view) => view.find(Region, { creation: "creation-00000002" }, TENANT));
      expect(made.map((each) => each.resourceId)).toEqual(["region-00000002"]);
      const some = { resourceId: ["region-00000002", "region-00000003", "region-00000009"], name: "Oslo East" };
      const several = await store.read((view) => view.find(Region, { resourceId: some.resourceId }, EVERY_TENANT));
      expect(several.map((each) => each.resourceId)).toEqual(["region-00000002", "region-00000003"]);
      expect(await store.read((view) => view.find(Region, some, OTHER))).toEqual([]);
      expect(await store.read((view) => view.find(Region, { resourceId: [] }, EVERY_TENANT))).toEqual([]);
      const wrong = store.read((view) => view.find(Region, { colour: "red" }, EVERY_TENANT));
      await expect(wrong).rejects.toMatchObject({ code: "InvalidArgument", fields: ["colour"] });
    });
  });

  describe("what is refused", () => {
    test("a tenant neither sees nor changes another's resource of the same id", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Region, resource(Region, "00000001", { name: "mine" }));
      await insert(store, Region, resource(Region, "00000001", { name: "theirs" }, { tenant: OTHER }));
      await store.write((transaction) => transaction.delete(Region, OTHER, "region-00000001"));
      expect((await read(store, Region, "region-00000001"))?.fields).toEqual({ name: "mine" });
      expect(await read(store, Region, "region-00000001", OTHER)).toBeUndefined();
    });

    test("an id that is taken", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Region, resource(Region, "00000001"));
      const again = insert(store, Region, resource(Region, "00000001", {}, { creation: "another" }));
      await expect(again).rejects.toMatchObject({ code: "AlreadyExists" });
    });

    test("a creation that made another resource already", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Region, resource(Region, "00000001"));
      const again = insert(store, Region, resource(Region, "00000002", {}, { creation: "creation-00000001" }));
      await expect(again).rejects.toMatchObject({ code: "FailedPrecondition", fields: ["creation"] });
    });

    test("a tenant that does not exist, or exists twice", async () => {
      const store = await openWithTenants(newPlace);
      const nowhere = insert(store, Region, resource(Region, "00000001", {}, { tenant: "nobody" }));
      await expect(nowhere).rejects.toMatchObject({ code: "NotFound" });
      const again = store.write((transaction) => transaction.insertTenant({ id: "third", name: "first" }));
      await expect(again).rejects.toMatchObject({ code: "AlreadyExists" });
    });

    test("replacing what does not exist", async () => {
      const store = await openWithTenants(newPlace);
      const nothing = store.write((transaction) => transaction.replace(Region, resource(Region, "00000001")));
      await expect(nothing).rejects.toMatchObject({ code: "NotFound", message: "region_resource not found" });
    });

    test.each([
      [OperatingSystem, { name: "Ubuntu" }, ["name"]],
      [OperatingSystem, { profileName: "ubuntu", imageId: "24.04" }, ["profileName", "imageId"]],
      [Provider, { name: "Acme" }, ["name"]],
      [LocalAccount, { username: "alice" }, ["username"]],
      [CustomConfig, { name: "swap" }, ["name"]],
      [Workload, { externalId: "cluster-1" }, ["externalId"]],
      [Host, { serialNumber: "SN1" }, ["serialNumber"]],
      [Host, { uuid: "0a0b0c0d-0000-4000-8000-000000000000" }, ["uuid"]],
    ])("two of a tenant with the same identity (%#)", async (kind: Kind, fields, named) => {
      const store = await openWithTenants(newPlace);
      await insert(store, kind, resource(kind, "00000001", fields));
      const twin = insert(store, kind, resource(kind, "00000002", fields));
      await expect(twin).rejects.toMatchObject({ code: "FailedPrecondition", fields: named });
      await insert(store, kind, resource(kind, "00000003"));
      const turned = store.write((transaction) => transaction.replace(kind, resource(kind, "00000003", fields)));
      await expect(turned).rejects.toMatchObject({ code: "FailedPrecondition", fields: named });
    });

    test("an instance on a host that has one", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Host, resource(Host, "00000001"));
      await insert(store, Instance, resource(Instance, "00000001", { hostID: "host-00000001" }));
      const second = insert(store, Instance, resource(Instance, "00000002", { hostID: "host-00000001" }));
      await expect(second).rejects.toMatchObject({ code: "FailedPrecondition", fields: ["hostID"] });
    });

    test("the name of one that is retired is free for another", async () => {
      const store = await openWithTenants(newPlace);
      const fields = { name: "Ubuntu", profileName: "ubuntu", imageId: "24.04" };
      await insert(store, OperatingSystem, resource(OperatingSystem, "00000001", fields, { retired: 5 }));
      await insert(store, OperatingSystem, resource(OperatingSystem, "00000002", fields));
      const third = insert(store, OperatingSystem, resource(OperatingSystem, "00000003", fields));
      await expect(third).rejects.toMatchObject({ code: "FailedPrecondition" });
    });

    test("empty values and other tenants' do not count as the same", async () => {
      const store = await openWithTenants(newPlace);
      for (const [at, tenant] of [TENANT, TENANT, OTHER].entries()) {
        const of = { tenant, creation: `creation-${at}` };
        const empty = { name: "", profileName: "p", imageId: "" };
        await insert(store, OperatingSystem, resource(OperatingSystem, `0000000${at}`, empty, of));
        await insert(store, Host, resource(Host, `0000000${at}`, { uuid: "", serialNumber: "" }, of));
      }
      await insert(store, Host, resource(Host, "0000000a", { serialNumber: "SN1" }));
      await insert(store, Host, resource(Host, "0000000b", { serialNumber: "SN1" }, { tenant: OTHER }));
    });

    test("a host's UUID is unique over all tenants; serial numbers may repeat where UUIDs tell machines apart", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Host, resource(Host, "00000001", { uuid: "u1", serialNumber: "SN1" }));
      await insert(store, Host, resource(Host, "00000002", { uuid: "u2", serialNumber: "SN1" }));
      const taken = insert(store, Host, resource(Host, "00000003", { uuid: "u1" }, { tenant: OTHER }));
      await expect(taken).rejects.toMatchObject({ code: "FailedPrecondition", fields: ["uuid"] });
    });

    test.each([
      [Region, "parentId", "region-00000009", "region_resource not found"],
      [Site, "regionId", "region-00000009", "region_resource not found"],
      [Site, "providerId", "provider-00000009", "provider_resource not found"],
      [Host, "siteId", "site-00000009", "site_resource not found"],
      [Instance, "hostID", "host-00000009", "host_resource not found"],
      [Instance, "osID", "os-00000009", "operating_system_resource not found"],
      [Instance, "localAccountID", "localaccount-00000009", "local_account_resource not found"],
      [Instance, "osUpdatePolicyID", "osupdatepolicy-00000009", "os_update_policy_resource not found"],
      [OsUpdatePolicy, "targetOsId", "os-00000009", "operating_system_resource not found"],
    ])("a reference to nothing, and to another tenant's resource (%#)", async (kind: Kind, field, id, message) => {
      const store = await openWithTenants(newPlace);
      const wrong = { code: "InvalidArgument", fields: [field], message };
      const pointing = resource(kind, "00000001", { [field]: id });
      await expect(insert(store, kind, pointing)).rejects.toMatchObject(wrong);
      const target = KINDS.find((each) => each.name === kind.fields[field]?.reference?.kind) ?? kind;
      await insert(store, target, resource(target, "00000009", {}, { tenant: OTHER }));
      await expect(insert(store, kind, pointing)).rejects.toMatchObject(wrong);
      await insert(store, kind, resource(kind, "00000001"));
      await expect(store.write((transaction) => transaction.replace(kind, pointing))).rejects.toMatchObject(wrong);
    });

    test("an owner that does not exist", async () => {
      const store = await openWithTenants(newPlace);
      const lost = insert(store, Host, resource(Host, "00000001", {}, { owner: "site-00000009" }));
      await expect(lost).rejects.toMatchObject({ code: "InvalidArgument", fields: ["owner"] });
    });

    test("deleting what something refers to, naming it; afterwards it goes, with its parts", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Site, resource(Site, "00000001"));
      const host = resource(Host, "00000001", { hostNics: [{ mtu: 1 }] }, { owner: "site-00000001" });
      await insert(store, Host, host);
      expect(await store.read((view) => view.referrers(Site, TENANT, "site-00000001"))).toEqual([
        { kind: Host, id: "host-00000001", retired: false },
      ]);
      const refused = store.write((transaction) => transaction.delete(Site, TENANT, "site-00000001"));
      await expect(refused).rejects.toMatchObject({
        code: "FailedPrecondition",
        message: expect.stringContaining("host-00000001"),
      });
      await store.write(async (transaction) => {
        await transaction.delete(Host, TENANT, "host-00000001");
        await transaction.delete(Site, TENANT, "site-00000001");
        await transaction.delete(Site, TENANT, "site-00000001");
      });
      await insert(store, Host, resource(Host, "00000001"));
      expect((await read(store, Host, "host-00000001"))?.fields.hostNics).toEqual([]);
    });
  });
}
