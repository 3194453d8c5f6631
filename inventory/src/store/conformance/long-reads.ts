import { Region } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { EVERY_TENANT } from "../contract.ts";
import { insert, type NewPlace, openWithTenants, resource, TENANT } from "./fixture.ts";

/** What a store promises of reads in whose midst others have their turn. */
export function longReadConformance(newPlace: NewPlace): void {
  describe("reads that take long", () => {
    test("a read that takes long keeps no other waiting, and sees one moment all the same", async () => {
      const store = await openWithTenants(newPlace);
      const [begun, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const totals: number[] = [];
      const long = store.read(async (view) => {
        await view.letOthers();
        totals.push((await view.list(Region, { tenant: EVERY_TENANT })).total);
        begun.resolve();
        await release.promise;
        await view.letOthers();
        totals.push((await view.list(Region, { tenant: EVERY_TENANT })).total);
      });
      await begun.promise;
      await insert(store, Region, resource(Region, "00000001"));
      expect((await store.read((view) => view.list(Region, { tenant: EVERY_TENANT }))).total).toBe(1);
      release.resolve();
      await long;
      expect(totals).toEqual([0, 0]);
    });

    test("who asks for others to have their turn within a write goes on in it", async () => {
      const store = await openWithTenants(newPlace);
      await store.write(async (transaction) => {
        await transaction.insert(Region, resource(Region, "00000001"));
        await transaction.letOthers();
        expect(await transaction.get(Region, TENANT, "region-00000001")).toBeDefined();
      });
      expect((await store.read((view) => view.list(Region, { tenant: EVERY_TENANT }))).total).toBe(1);
    });
  });
}
