import { Host, Instance, type Kind, Region, Site } from "@holdfast/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import type { Comparison, Condition, Literal } from "../condition.ts";
import { EVERY_TENANT, type ListQuery, type Store } from "../contract.ts";
import { insert, type NewPlace, OTHER, openWithTenants, resource, TENANT } from "./fixture.ts";

/** What is asked of one tenant. */
type Within = Omit<ListQuery, "tenant">;

function compare(path: string, operator: Comparison, value: Literal): Condition {
  return { is: "compare", path: path.split("."), operator, value };
}

function has(path: string): Condition {
  return { is: "has", path: path.split(".") };
}

/** Three hosts: `a` at Oslo (in Norway), `b` at a site without name or region, `c` nowhere; and another tenant's. */
async function populate(store: Store): Promise<void> {
  await insert(store, Region, resource(Region, "00000001", { name: "Norway" }));
  await insert(store, Region, resource(Region, "00000002", { name: "East", parentId: "region-00000001" }));
  await insert(store, Site, resource(Site, "00000001", { name: "Oslo", regionId: "region-00000002", siteLat: 599 }));
  await insert(store, Site, resource(Site, "00000002", { siteLat: -5 }));
  const [oslo, other] = ["site-00000001", "site-00000002"];
  const nics = [
    { macAddr: "AA:01", mtu: 1500, bmcInterface: true },
    { macAddr: "AA:02", mtu: 9000 },
  ];
  const a = { name: "Alpha_1", siteId: oslo, memoryBytes: "9007199254740993", cpuCores: 8, hostNics: nics };
  await insert(store, Host, resource(Host, "0000000a", { ...a, uuidDerived: true }));
  await insert(store, Host, resource(Host, "0000000b", { name: "beta%", siteId: other, cpuCores: 16, note: "" }));
  await insert(store, Host, resource(Host, "0000000c", { name: "Alphax1", hostNics: [{ macAddr: "AA:03" }] }));
  await insert(store, Host, resource(Host, "0000000d", { name: "Alpha_1" }, { tenant: OTHER }));
}

export function listingConformance(newPlace: NewPlace): void {
  describe("lists", () => {
    let store: Store;
    beforeEach(async () => {
      store = await openWithTenants(newPlace);
      await populate(store);
    });

    async function listed(query: Within, kind: Kind = Host): Promise<string> {
      const { resources } = await store.read((view) => view.list(kind, { ...query, tenant: TENANT }));
      return resources.map((each) => each.resourceId.slice(-1)).join("");
    }

    test.each<[string, Condition, string]>([
      ["contains knows no case", compare("name", "contains", "ALPHA"), "ac"],
      ["contains takes _ and % for themselves", compare("name", "contains", "a_1"), "a"],
      ["contains takes % for itself", compare("name", "contains", "%"), "b"],
      ["contains takes * for anything", compare("name", "contains", "al*1"), "ac"],
      ["contains of a number is equality", compare("cpuCores", "contains", "8"), "a"],
      ["equal compares whole values", compare("name", "equal", "Alpha"), ""],
      ["equal knows case", compare("name", "equal", "alphax1"), ""],
      ["equal finds the value", compare("name", "equal", "Alphax1"), "c"],
      ["fields may be named with underscores", compare("cpu_cores", "equal", 16), "b"],
      ["not-equal holds for what has no value", compare("cpuCores", "not-equal", 8), "bc"],
      ["the empty text is what has no value", compare("note", "equal", ""), "abc"],
      ["containing the empty text as well", compare("note", "contains", ""), "abc"],
      ["not the empty text is a value", compare("note", "not-equal", ""), ""],
      ["null is no value", compare("cpuCores", "equal", null), "c"],
      ["not null is a value", compare("cpuCores", "not-equal", null), "ab"],
      ["less", compare("cpuCores", "less", 16), "a"],
      ["at most", compare("cpuCores", "at-most", 16), "ab"],
      ["greater", compare("cpuCores", "greater", "8"), "b"],
      ["at least", compare("cpuCores", "at-least", 8), "ab"],
      ["64-bit counts are compared exactly", compare("memoryBytes", "equal", "9007199254740993"), "a"],
      ["a neighbour of a 64-bit count is another", compare("memoryBytes", "equal", "9007199254740992"), ""],
      ["64-bit counts are ordered", compare("memoryBytes", "greater", "9007199254740992"), "a"],
      ["booleans", compare("uuidDerived", "equal", true), "a"],
      ["a boolean that nobody set is not false", compare("uuidDerived", "equal", "false"), ""],
      ["the id", compare("resourceId", "equal", "host-0000000b"), "b"],
      ["through a reference", compare("site.name", "contains", "osl"), "a"],
      ["through a reference of a reference", compare("site.region.parent_region.name", "equal", "Norway"), "a"],
      ["the id of what is referred to", compare("site.resource_id", "equal", "site-00000002"), "b"],
      ["numbers of what is referred to", compare("site.siteLat", "less", 0), "b"],
      ["nothing at the end of a path", compare("site.name", "equal", ""), "bc"],
      ["not-equal through a reference", compare("site.name", "not-equal", "Oslo"), "bc"],
      ["has a reference", has("site"), "ab"],
      ["has a reference of a reference", has("site.region"), "a"],
      ["any of the parts", compare("hostNics.macAddr", "equal", "AA:02"), "a"],
      ["numbers of the parts", compare("hostNics.mtu", "greater", 1500), "a"],
      ["none of the parts", compare("hostNics.macAddr", "not-equal", "AA:02"), "bc"],
      ["has parts", has("hostNics"), "ac"],
      ["not", { is: "not", of: compare("cpuCores", "greater", 8) }, "ac"],
      ["and", { is: "and", of: [compare("name", "contains", "alpha"), has("site")] }, "a"],
      ["or", { is: "or", of: [compare("cpuCores", "equal", 16), compare("cpuCores", "equal", 8)] }, "ab"],
      ["of nothing, and is true", { is: "and", of: [] }, "abc"],
      ["of nothing, or is false", { is: "or", of: [] }, ""],
      ["values are data, never SQL", compare("name", "contains", "' or 1=1 --"), ""],
    ])("%s", async (_, where, expected) => {
      expect(await listed({ where })).toBe(expected);
    });

    test.each<[Condition, string]>([
      [compare("colour", "equal", "red"), "colour"],
      [compare("site.colour", "equal", "red"), "site.colour"],
      [compare("name.of", "equal", "red"), "name.of"],
      [compare("hostNics.colour", "equal", "red"), "hostNics.colour"],
      [compare("constructor", "equal", "red"), "constructor"],
      [has("site.region.parentRegion.parentRegion.parentRegion.parentRegion.parentRegion.name"), "site.region"],
      [compare("cpuCores", "equal", "many"), "cpuCores"],
      [compare("memoryBytes", "less", "-1"), "memoryBytes"],
      [compare("uuidDerived", "equal", "perhaps"), "uuidDerived"],
      [compare("cpuCores", "less", null), "cpuCores"],
      [compare("hostNics", "equal", "x"), "hostNics"],
    ])("a condition that cannot be asked is refused, naming the field (%#)", async (where, field) => {
      await expect(listed({ where })).rejects.toMatchObject({
        code: "InvalidArgument",
        message: expect.stringContaining(field),
      });
    });

    test("a path through a kind that nobody can make yet finds nothing, and knows its fields", async () => {
      await insert(store, Region, resource(Region, "00000009"));
      await insert(store, Instance, resource(Instance, "0000000a"));
      expect(await listed({ where: compare("localaccount.username", "contains", "*") }, Instance)).toBe("");
      await expect(listed({ where: has("localaccount.colour") }, Instance)).rejects.toThrow("localaccount.colour");
    });

    test("a path through what refers here finds it, and is not there without it", async () => {
      const fields = { hostID: "host-0000000b", desiredState: "INSTANCE_STATE_RUNNING" };
      await insert(store, Instance, resource(Instance, "0000000a", fields));
      expect(await listed({ where: has("instance") })).toBe("b");
      expect(await listed({ where: { is: "not", of: has("instance") } })).toBe("ac");
      expect(await listed({ where: compare("instance.desired_state", "equal", "INSTANCE_STATE_RUNNING") })).toBe("b");
      expect(await listed({ where: compare("instance.name", "equal", "") })).toBe("abc");
      expect(await listed({ where: compare("host.instance.resourceId", "equal", "inst-0000000a") }, Instance)).toBe(
        "a",
      );
      for (const where of [compare("instance.colour", "equal", "red"), has("workloadMembers")]) {
        await expect(listed({ where })).rejects.toMatchObject({ code: "InvalidArgument" });
      }
      await expect(listed({ where: compare("instance", "equal", "a") })).rejects.toThrow("instance has no value");
    });

    test("order is by id, or by fields with what has no value last; ties by id", async () => {
      const order = (field: string, descending: boolean) => listed({ orderBy: [{ field, descending }] });
      expect(await listed({})).toBe("abc");
      expect(await order("cpuCores", false)).toBe("abc");
      expect(await order("cpu_cores", true)).toBe("cba");
      expect(await order("resourceId", true)).toBe("cba");
      expect(await order("createdAt", true)).toBe("abc");
      const byTwo = [
        { field: "siteId", descending: true },
        { field: "name", descending: false },
      ];
      expect(await listed({ orderBy: byTwo })).toBe("cba");
      await expect(order("site.name", false)).rejects.toMatchObject({ code: "InvalidArgument", fields: ["site.name"] });
      await expect(order("colour", false)).rejects.toMatchObject({ code: "InvalidArgument", fields: ["colour"] });
    });

    test("a page is cut from the whole, and the total counts the whole", async () => {
      const page = (query: Within) => store.read((view) => view.list(Host, { ...query, tenant: TENANT }));
      for (const [query, ids, total] of [
        [{ limit: 2 }, "ab", 3],
        [{ limit: 2, offset: 2 }, "c", 3],
        [{ offset: 1 }, "bc", 3],
        [{ limit: 5, offset: 9 }, "", 3],
        [{ limit: 1, where: compare("name", "contains", "alpha") }, "a", 2],
        [{ limit: 0 }, "", 3],
      ] as const) {
        const { resources, total: counted } = await page(query);
        expect([resources.map((each) => each.resourceId.slice(-1)).join(""), counted]).toEqual([ids, total]);
      }
    });

    test("a page goes on where another ended, in any order, whatever came or went in between", async () => {
      const walk = async (orderBy: ListQuery["orderBy"], between: (page: number) => Promise<unknown>) => {
        let [ids, after]: [string, ListQuery["after"]] = ["", undefined];
        for (let page = 0; page < 9; page++) {
          const query = { tenant: TENANT, limit: 1, ...(orderBy ? { orderBy } : {}), ...(after ? { after } : {}) };
          const { resources, total, next } = await store.read((view) => view.list(Host, query));
          ids += resources.map((each) => each.resourceId.slice(-1)).join("");
          if (page === 0) expect(total).toBe(3);
          if (!next) return ids;
          after = JSON.parse(JSON.stringify(next)) as NonNullable<ListQuery["after"]>;
          await between(page);
        }
        throw new Error("the pages do not end");
      };
      const still = async () => {};
      expect(await walk(undefined, still)).toBe("abc");
      for (const field of ["name", "cpuCores", "memoryBytes", "siteId", "note", "createdAt", "uuidDerived"]) {
        for (const descending of [true, false]) {
          const orderBy = [{ field, descending }];
          expect([field, await walk(orderBy, still)]).toEqual([field, await listed({ orderBy })]);
          const two = [{ field: "siteId", descending: true }, ...orderBy];
          expect([field, await walk(two, still)]).toEqual([field, await listed({ orderBy: two })]);
        }
      }
      const passed = await walk(undefined, async (page) => {
        if (page > 0) return;
        await store.write((tx) => tx.delete(Host, TENANT, "host-0000000a"));
        await insert(store, Host, resource(Host, "00000001", { name: "before" }));
        await insert(store, Host, resource(Host, "0000000e", { name: "behind" }));
      });
      expect(passed).toBe("abce");
    });

    test("resources come with their parts, in order; of every tenant when those are asked for", async () => {
      const { resources, total } = await store.read((view) => view.list(Host, { tenant: EVERY_TENANT }));
      expect(total).toBe(4);
      expect(
        resources.map((each) => (each.fields.hostNics as { macAddr?: string }[]).map((nic) => nic.macAddr)),
      ).toEqual([["AA:01", "AA:02"], [], ["AA:03"], []]);
    });
  });
}
