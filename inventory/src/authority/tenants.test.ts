import { Host, Instance, KINDS, type Kind, OperatingSystem, Region, Site, tenantScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import type { Transaction } from "../store/contract.ts";
import { ALICE, Harness, TENANT } from "./harness.ts";

const HUB = { actor: "hub", tenant: TENANT } as const;
const FROZEN = { code: "FailedPrecondition", message: "project first is being deleted: nothing new is taken for it" };

/** From what refers to others on to what is referred to. */
const ORDER = KINDS.toReversed();

function freeze(hub: Harness): Promise<void> {
  return hub.store.write((tx) => hub.authority.freezeTenantIn(tx, HUB));
}

function clear(hub: Harness, kind: Kind, more: { limit?: number; passedOver?: string } = {}): Promise<number> {
  const { limit = 100, passedOver } = more;
  const clearing = { ...HUB, limit, passedOver: (site: string) => site === passedOver };
  return hub.store.write((tx) => hub.authority.clearIn(tx, kind, clearing));
}

function left(hub: Harness, kind: Kind): Promise<number> {
  return hub.store.read(async (view) => (await view.find(kind, {}, TENANT)).length);
}

test("a frozen tenant takes nothing new, neither from operators nor from sites, and its sites learn that it is", async () => {
  await using hub = await Harness.open();
  const site = await hub.site("oslo");
  const host = await hub.host({ siteId: site.resourceId });
  await freeze(hub);
  await expect(hub.add(Region, { name: "north" })).rejects.toMatchObject(FROZEN);
  await expect(hub.set(host, { name: "other" })).rejects.toMatchObject(FROZEN);
  await expect(hub.edit(host, site.resourceId, { field: "name", value: "x" })).rejects.toMatchObject(FROZEN);
  const settled = { ...HUB, id: host.resourceId, fields: { name: "x" } };
  await expect(hub.store.write((tx) => hub.authority.settleIn(tx, Host, settled))).rejects.toMatchObject(FROZEN);
  const { rows } = await hub.store.read((view) => view.feed(tenantScope(TENANT), 0, 100));
  expect(rows.find(({ kind }) => kind === "tenant")?.body).toBe('{"name":"first","frozen":1000}');
});

test("what sites observe and let go of a frozen tenant is taken", async () => {
  await using hub = await Harness.open();
  const site = await hub.site("oslo");
  const host = await hub.host({ siteId: site.resourceId });
  await freeze(hub);
  await hub.observe(host, site.resourceId, { currentState: "HOST_STATE_ONBOARDED" });
  await hub.remove(host);
  await hub.release(host, site.resourceId, "deleted");
  expect(await hub.get(host)).toBeUndefined();
});

test("freezing is told once, also when it is asked twice", async () => {
  const told: string[] = [];
  const listener = { tenantFrozen: async (_: Transaction, { id }: { id: string }) => void told.push(id) };
  await using hub = await Harness.open([listener]);
  await freeze(hub);
  await freeze(hub);
  expect(told).toEqual([TENANT]);
  const unknown = { ...HUB, tenant: "nobody" };
  const frozen = hub.store.write((tx) => hub.authority.freezeTenantIn(tx, unknown));
  await expect(frozen).rejects.toMatchObject({ code: "NotFound" });
});

test("a tenant is cleared kind by kind, some at a time, children before parents, retired ones too", async () => {
  await using hub = await Harness.open();
  const top = await hub.add(Region, { name: "top" });
  const inner = await hub.add(Region, { name: "inner", parentId: top.resourceId });
  await hub.add(Site, { name: "oslo", regionId: inner.resourceId });
  await hub.remove(await hub.os("old"));
  const host = await hub.host();
  await hub.instance(host);
  await freeze(hub);
  expect(await clear(hub, Region), "a region that has a site").toBe(0);
  expect([await clear(hub, Instance), await clear(hub, Host), await left(hub, OperatingSystem)]).toEqual([1, 1, 2]);
  for (const kind of ORDER) while ((await clear(hub, kind, { limit: 1 })) > 0) expect(kind).toBeDefined();
  expect(await Promise.all(KINDS.map((kind) => left(hub, kind)))).toEqual(KINDS.map(() => 0));
});

test("of a machine its site is asked once to let go, and it is waited for until the site is passed over", async () => {
  await using hub = await Harness.open();
  const site = await hub.site("oslo");
  const host = await hub.host({ siteId: site.resourceId });
  await freeze(hub);
  expect([await clear(hub, Host), await clear(hub, Host)]).toEqual([1, 0]);
  expect(await hub.get(host)).toMatchObject({ owner: site.resourceId, fields: { desiredState: "HOST_STATE_DELETED" } });
  expect(await clear(hub, Host, { passedOver: site.resourceId })).toBe(1);
  expect(await hub.get(host)).toBeUndefined();
});

test("asking again costs nothing for each machine that is waited for: none of them is read", async () => {
  await using hub = await Harness.open();
  const site = await hub.site("oslo");
  for (let count = 0; count < 3; count += 1) await hub.host({ siteId: site.resourceId });
  await freeze(hub);
  const reads: string[] = [];
  const clearAll = (tx: Transaction) =>
    hub.authority.clearIn(tx, Host, { ...HUB, limit: 100, passedOver: () => false });
  const noted = (tx: Transaction) =>
    new Proxy(tx, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        return (...given: unknown[]) => {
          if (name === "get" || name === "referrers") reads.push(name);
          return value.apply(target, given);
        };
      },
    });
  expect(await hub.store.write((tx) => clearAll(noted(tx)))).toBe(3);
  expect(reads.length).toBeGreaterThan(0);
  reads.length = 0;
  expect(await hub.store.write((tx) => clearAll(noted(tx)))).toBe(0);
  expect(reads).toEqual([]);
});

test("a tenant ends only frozen and empty; its history stays, and what depends on it hears of the end", async () => {
  const told: string[] = [];
  const listener = { tenantGone: async (_: Transaction, { name }: { name: string }) => void told.push(name) };
  await using hub = await Harness.open([listener]);
  const end = () => hub.store.write((tx) => hub.authority.endTenantIn(tx, HUB));
  await hub.site("oslo");
  await expect(end()).rejects.toMatchObject({ code: "FailedPrecondition", message: `tenant ${TENANT} is not frozen` });
  await freeze(hub);
  await expect(end()).rejects.toMatchObject({ code: "FailedPrecondition", message: /still has resources/ });
  await clear(hub, Site);
  await end();
  await end();
  expect(await hub.store.read((view) => view.tenants())).toEqual([]);
  const history = await hub.store.read((view) => view.changes(TENANT, 0, 100));
  expect(history.map(({ actor, kind, operation }) => `${actor} ${operation} ${kind}`)).toEqual([
    "hub create tenant",
    `${ALICE} create site`,
    "hub update tenant",
    "hub delete site",
    "hub delete tenant",
  ]);
  expect(told).toEqual(["first"]);
});
