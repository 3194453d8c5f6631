import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Region } from "@holdfast/protocol";
import { systemClock } from "@holdfast/runtime";
import { expect, onTestFinished, test } from "vitest";
import { createAuthority } from "../authority/authority.ts";
import type { View } from "../store/contract.ts";
import type { Position } from "../store/position.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import { listInSlices } from "./list-slices.ts";

async function withRegions(count: number) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-slices-"));
  const store = await openSqliteStore({ path: join(folder, "hub.sqlite") });
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const inventory = await createAuthority({ store, clock: systemClock });
  const { id: tenant } = await inventory.createTenant({ actor: "hub", name: "acme" });
  const one = await inventory.create(Region, { actor: "hub", tenant, fields: { name: "first" } });
  await store.write(async (transaction) => {
    for (let index = 1; index < count; index++) {
      const resourceId = `region-${String(index).padStart(8, "0")}`;
      await transaction.insert(Region, {
        ...one,
        resourceId,
        creation: resourceId,
        fields: { name: `region ${index % 7}` },
      });
    }
  });
  return { store, tenant };
}

test("a long list is read and shown a slice at a time, and other reads go between the slices", async () => {
  const { store, tenant } = await withRegions(450);
  const second = Promise.withResolvers<void>();
  const order: string[] = [];
  const other = second.promise.then(async () => {
    expect((await store.read((view) => view.tenants())).length).toBe(1);
    order.push("other");
  });
  const listed = await store.read((view) =>
    listInSlices(view, Region, { tenant, limit: 10_000 }, async (resources) => {
      order.push(`slice of ${resources.length}`);
      if (order.length === 2) second.resolve();
      return resources;
    }),
  );
  await other;
  expect(order).toEqual(["slice of 100", "slice of 100", "other", "slice of 100", "slice of 100", "slice of 50"]);
  expect(new Set(listed.shown.map(({ resourceId }) => resourceId)).size).toBe(450);
  expect([listed.total, listed.next]).toEqual([450, undefined]);
});

test("a long list is in the order asked for, and says where one goes on that is longer still", async () => {
  const { store, tenant } = await withRegions(450);
  const query = { tenant, orderBy: [{ field: "name", descending: true }], offset: 10 };
  const whole = await store.read((view) => view.list(Region, query));
  const page = await store.read((view) => listInSlices(view, Region, { ...query, limit: 300 }, async (each) => each));
  expect(page.shown).toEqual(whole.resources.slice(0, 300));
  expect(page.total).toBe(450);
  const rest = await store.read((view) => view.list(Region, { ...query, offset: 0, ...ifNext(page.next) }));
  expect(rest.resources).toEqual(whole.resources.slice(300));
});

test("a page is read at once, in the snapshot that was asked first", async () => {
  const { store, tenant } = await withRegions(150);
  const page = await store.read((view) =>
    listInSlices(alone(view), Region, { tenant, limit: 100, offset: 20 }, async (resources) => resources),
  );
  expect([page.shown.length, page.total, page.next === undefined]).toEqual([100, 150, false]);
});

function ifNext(after: Position | undefined): { readonly after?: Position } {
  return after ? { after } : {};
}

/** A view in whose midst nobody else has a turn. */
function alone(view: View): View {
  return Object.assign(Object.create(view) as View, {
    letOthers: () => Promise.reject(new Error("a page takes long")),
  });
}
