import { Region } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import type { Change } from "../contract.ts";
import { type NewPlace, OTHER, openWithTenants, resource, TENANT } from "./fixture.ts";

const MADE: Omit<Change, "seq"> = {
  ...{ at: 1, tenant: TENANT, actor: "operator:alice", kind: "region", id: "region-00000001" },
  ...{ operation: "create", before: null, after: {} },
};

export function tenantConformance(newPlace: NewPlace): void {
  describe("tenants", () => {
    test("tenants are found by name and by id, also by one that is another's name", async () => {
      const store = await openWithTenants(newPlace);
      const named = { id: TENANT, name: "first" };
      for (const word of ["first", TENANT]) expect(await store.read((view) => view.tenant(word))).toEqual(named);
      expect(await store.read((view) => view.tenant("third"))).toBeUndefined();
      expect((await store.read((view) => view.tenants())).map((each) => each.name)).toEqual(["first", "second"]);
      await store.write((transaction) => transaction.insertTenant({ id: "00000000-0", name: OTHER }));
      expect(await store.read((view) => view.tenant(OTHER))).toEqual({ id: OTHER, name: "second" });
    });

    test("a tenant is frozen since the first time, and nobody else is", async () => {
      const store = await openWithTenants(newPlace);
      await store.write((transaction) => transaction.freezeTenant(TENANT, 5));
      await store.write((transaction) => transaction.freezeTenant(TENANT, 7));
      expect(await store.read((view) => view.tenants())).toEqual([
        { id: TENANT, name: "first", frozen: 5 },
        { id: OTHER, name: "second" },
      ]);
      expect(await store.read((view) => view.tenant("first"))).toEqual({ id: TENANT, name: "first", frozen: 5 });
    });

    test("a tenant is deleted once nothing of it is left, and its history stays", async () => {
      const store = await openWithTenants(newPlace);
      await store.write(async (transaction) => {
        await transaction.insert(Region, resource(Region, "00000001"));
        await transaction.appendChange(MADE);
      });
      const deleted = () => store.write((transaction) => transaction.deleteTenant(TENANT));
      await expect(deleted()).rejects.toMatchObject({ code: "FailedPrecondition" });
      await store.write((transaction) => transaction.delete(Region, TENANT, "region-00000001"));
      await deleted();
      await deleted();
      expect((await store.read((view) => view.tenants())).map(({ id }) => id)).toEqual([OTHER]);
      expect(await store.read((view) => view.changes(TENANT, 0, 10))).toHaveLength(1);
    });
  });
}
