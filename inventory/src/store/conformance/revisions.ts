import { Region, Site } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import type { Store } from "../contract.ts";
import { insert, type NewPlace, OTHER, openWithTenants, resource, TENANT } from "./fixture.ts";

const page = (store: Store, after = 0, limit = 100) =>
  store.read((view) => view.revisions({ tenant: TENANT, kind: "region" }, { after, limit }));

/** `1` for a region that is there, `-1` for one that is gone, in the order in which they changed. */
async function changed(store: Store, after = 0): Promise<string> {
  const { rows } = await page(store, after);
  return rows.map(({ id, gone }) => `${gone ? "-" : ""}${id.slice(-1)}`).join(" ");
}

const region = (suffix: string, name = "x") => resource(Region, `0000000${suffix}`, { name });
const rename = (store: Store, suffix: string, name: string) =>
  store.write((tx) => tx.replace(Region, region(suffix, name)));
const remove = (store: Store, suffix: string) =>
  store.write((tx) => tx.delete(Region, TENANT, `region-0000000${suffix}`));

/** Regions of which the ids begin with a digit. */
const numbered = (digit: string, count: number) =>
  Array.from({ length: count }, (_, at) => resource(Region, `${digit}${String(at).padStart(7, "0")}`));

export function revisionsConformance(newPlace: NewPlace): void {
  describe("the log of revisions", () => {
    test("tells of each resource its newest change, of one tenant and kind, in the order of commits", async () => {
      const store = await openWithTenants(newPlace);
      for (const suffix of ["1", "2", "3"]) await insert(store, Region, region(suffix));
      await insert(store, Region, { ...region("4"), tenant: OTHER });
      await insert(store, Site, resource(Site, "00000001", { name: "x" }));
      expect(await changed(store)).toBe("1 2 3");
      const { head } = await page(store);
      await rename(store, "2", "y");
      await remove(store, "1");
      expect(await changed(store)).toBe("3 2 -1");
      expect(await changed(store, head)).toBe("2 -1");
      expect((await page(store, 0, 1)).rows).toHaveLength(1);
      expect((await page(store)).floor).toBe(0);
    });

    test("tells since when a resource is there, through changes and until it is gone", async () => {
      const store = await openWithTenants(newPlace);
      const last = async () => {
        const row = (await page(store)).rows.at(-1);
        return row && row.seq - row.since;
      };
      await store.write(async (tx) => {
        await tx.insert(Region, region("1"));
        await tx.replace(Region, region("1", "y"));
      });
      expect(await last()).toBe(0);
      await rename(store, "1", "z");
      expect(await last()).toBe(1);
      await remove(store, "1");
      await insert(store, Region, region("1"));
      expect(await last()).toBe(0);
    });

    test("keeps nothing of what was undone", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Region, region("1"));
      const before = await page(store);
      const failed = store.write(async (tx) => {
        await tx.insert(Region, region("2"));
        throw new Error("no");
      });
      await expect(failed).rejects.toThrow("no");
      await store.write(async (tx) => {
        await tx
          .savepoint(async () => {
            await tx.insert(Region, region("3"));
            throw new Error("no");
          })
          .catch(() => undefined);
      });
      expect(await page(store)).toEqual(before);
    });

    test("tells of each resource that a large commit made, or ended", async () => {
      const store = await openWithTenants(newPlace);
      const regions = numbered("1", 1_500);
      await store.write(async (tx) => {
        for (const each of regions) await tx.insert(Region, each);
      });
      const made = await page(store, 0, 2_000);
      expect([made.rows.length, made.floor]).toEqual([1_500, 0]);
      await store.write(async (tx) => {
        for (const { resourceId } of regions) await tx.delete(Region, TENANT, resourceId);
      });
      const ended = await page(store, made.head, 2_000);
      expect([ended.rows.filter(({ gone }) => gone).length, ended.floor]).toEqual([1_500, 0]);
    });

    test("forgets everything at a commit that is another state, and then says that it has", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Region, region("1"));
      const { head } = await page(store);
      await store.write(async (tx) => {
        for (const each of numbered("1", 10_001)) await tx.insert(Region, each);
      });
      const after = await page(store);
      expect(after).toMatchObject({ rows: [], head: head + 1, floor: head + 1 });
      await rename(store, "1", "y");
      expect(await changed(store, after.head)).toBe("1");
    });

    test("forgets what is long gone, and says how far, but nothing of the newest commit", async () => {
      const store = await openWithTenants(newPlace);
      await insert(store, Region, region("1"));
      for (const round of ["2", "3", "4"]) {
        await store.write(async (tx) => {
          for (const each of numbered(round, 7_000)) {
            await tx.insert(Region, each);
            await tx.delete(Region, TENANT, each.resourceId);
          }
        });
      }
      const { rows, floor } = await page(store, 0, 30_000);
      const gone = rows.filter((row) => row.gone);
      expect(gone.length).toBeLessThanOrEqual(15_000);
      expect(gone.filter(({ id }) => id.startsWith("region-4"))).toHaveLength(7_000);
      expect(rows[0]).toMatchObject({ id: "region-00000001", gone: false });
      expect(floor).toBeGreaterThan(1);
      expect(gone.every(({ seq }) => seq > floor)).toBe(true);
    });

    test("is another log in another database", async () => {
      const [one, other] = [await openWithTenants(newPlace), await openWithTenants(newPlace)];
      const logOf = (store: Store) => store.read(async (view) => (await view.revision()).log);
      expect(await logOf(one)).toBe(await logOf(one));
      expect(await logOf(one)).not.toBe(await logOf(other));
      const before = await logOf(one);
      await one.write((tx) => tx.setSetting("epoch", "later"));
      expect(await logOf(one)).not.toBe(before);
    });
  });
}
