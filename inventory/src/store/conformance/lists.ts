import { CustomConfig, Instance, OperatingSystem, OsUpdatePolicy } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { insert, type NewPlace, OTHER, openWithTenants, resource, TENANT } from "./fixture.ts";

/** What a store promises of fields that refer to several resources, and of what refers to one. */
export function listConformance(newPlace: NewPlace): void {
  describe("references in lists, and referrers", () => {
    test("a list of references of which one is to nothing, or to another tenant's resource", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, CustomConfig, resource(CustomConfig, "00000001"));
      await insert(store, CustomConfig, resource(CustomConfig, "00000009", {}, { tenant: OTHER }));
      const fields = { customConfigID: ["customconfig-00000001", "customconfig-00000009"] };
      const pointing = resource(Instance, "00000001", fields);
      const wrong = {
        ...{ code: "InvalidArgument", fields: ["customConfigID"] },
        message: "custom_config_resource not found",
      };
      await expect(insert(store, Instance, pointing)).rejects.toMatchObject(wrong);
      await insert(store, Instance, resource(Instance, "00000001"));
      await expect(store.write((transaction) => transaction.replace(Instance, pointing))).rejects.toMatchObject(wrong);
    });

    test("deleting what is in a list of references", async () => {
      const store = await openWithTenants(newPlace);
      for (const id of ["00000001", "00000002"]) await insert(store, CustomConfig, resource(CustomConfig, id));
      const fields = { customConfigID: ["customconfig-00000001"] };
      await insert(store, Instance, resource(Instance, "00000001", fields));
      const remove = (id: string) => store.write((transaction) => transaction.delete(CustomConfig, TENANT, id));
      await expect(remove("customconfig-00000001")).rejects.toMatchObject({
        code: "FailedPrecondition",
        message: expect.stringContaining("inst-00000001"),
      });
      await remove("customconfig-00000002");
    });

    test("of what refers, one that stands is named before one that is retired", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, OperatingSystem, resource(OperatingSystem, "00000001"));
      const fields = { targetOsId: "os-00000001" };
      const named = () => store.read((view) => view.referrers(OperatingSystem, TENANT, "os-00000001"));
      await insert(store, OsUpdatePolicy, resource(OsUpdatePolicy, "00000001", fields, { retired: 5 }));
      expect(await named()).toEqual([{ kind: OsUpdatePolicy, id: "osupdatepolicy-00000001", retired: true }]);
      await insert(store, OsUpdatePolicy, resource(OsUpdatePolicy, "00000002", fields));
      expect(await named()).toEqual([{ kind: OsUpdatePolicy, id: "osupdatepolicy-00000002", retired: false }]);
    });
  });
}
