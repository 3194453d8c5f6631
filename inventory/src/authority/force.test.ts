import { Host, Instance, siteScope, tenantScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { EVERY_TENANT } from "../store/contract.ts";
import { ALICE, Harness, TENANT } from "./harness.ts";

const asked = (id: string) => ({ actor: ALICE, tenant: TENANT, id });

async function twoSites() {
  const harness = await Harness.open();
  const [oslo, bergen] = [(await harness.site("oslo")).resourceId, (await harness.site("bergen")).resourceId];
  const host = await harness.host({ siteId: oslo, serialNumber: "SN42" });
  const instance = await harness.instance(host);
  const { store, authority } = harness;
  return {
    ...{ harness, oslo, bergen, host, instance },
    release: () => store.write((tx) => authority.forceReleaseIn(tx, asked(host.resourceId))),
    erase: () => store.write((tx) => authority.forceDeleteIn(tx, asked(host.resourceId))),
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  };
}

test("a moved host is taken from a site that cannot let it go, with its instances, and the log says who did it (rule 14)", async () => {
  await using it = await twoSites();
  await it.harness.set(it.host, { siteId: it.bergen });
  expect((await it.harness.get(it.host))?.owner).toBe(it.oslo);
  await it.release();
  expect((await it.harness.get(it.host))?.owner).toBe(it.bergen);
  expect((await it.harness.get(it.instance))?.owner).toBe(it.bergen);
  expect(await it.harness.feed(siteScope(it.bergen))).toEqual([it.host.resourceId, it.instance.resourceId]);
  expect(new Set(await it.harness.feed(siteScope(it.oslo)))).toEqual(
    new Set([`-${it.host.resourceId}`, `-${it.instance.resourceId}`]),
  );
  const changes = await it.harness.store.read((view) => view.changes(TENANT, 0, 100));
  expect(changes.findLast(({ id }) => id === it.host.resourceId)).toMatchObject({
    actor: ALICE,
    before: { owner: it.oslo },
    after: { owner: it.bergen },
  });
  // The site comes back and says what it would have said.
  expect(await it.harness.release(it.host, it.oslo, "moved")).toMatchObject({ result: "ignored" });
});

test("a host that is wanted nowhere is every site's to claim after it was taken from its own", async () => {
  await using it = await twoSites();
  await it.harness.set(it.host, { siteId: null });
  await it.release();
  expect((await it.harness.get(it.host))?.owner).toBeUndefined();
  expect(await it.harness.feed(tenantScope(TENANT))).toContain(it.host.resourceId);
});

test("a host that is being deleted at a destroyed site is gone at once, with its instances (rule 15)", async () => {
  await using it = await twoSites();
  await it.erase();
  expect(await it.harness.get(it.host)).toBeUndefined();
  expect(await it.harness.store.read((view) => view.list(Instance, { tenant: EVERY_TENANT }))).toMatchObject({
    total: 0,
  });
  const again = await it.harness.host({ siteId: it.oslo, serialNumber: "SN42" });
  expect((await it.harness.get(again))?.fields.serialNumber).toBe("SN42");
});

test("release by force answers a standing wish only, and names what is missing", async () => {
  await using it = await twoSites();
  await expect(it.release()).rejects.toMatchObject({ code: "FailedPrecondition", message: /wanted where it is/ });
  const free = await it.harness.host({ name: "free" });
  const { store, authority } = it.harness;
  const none = store.write((tx) => authority.forceReleaseIn(tx, asked(free.resourceId)));
  await expect(none).rejects.toMatchObject({ code: "FailedPrecondition", message: /no site manages/ });
  const missing = store.write((tx) => authority.forceReleaseIn(tx, asked("host-00000000")));
  await expect(missing).rejects.toMatchObject({ code: "NotFound" });
  expect((await it.harness.get(it.host))?.owner).toBe(it.oslo);
  expect((await it.harness.store.read((view) => view.list(Host, { tenant: EVERY_TENANT }))).total).toBe(2);
});
