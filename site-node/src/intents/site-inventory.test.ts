import { FieldFault } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol/kinds/host";
import { Instance } from "@holdfast/protocol/kinds/instance";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { OperatingSystem } from "@holdfast/protocol/kinds/operating-system";
import { Region } from "@holdfast/protocol/kinds/region";
import type { UplinkEntry } from "@holdfast/protocol/uplink";
import { systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { addLentIds } from "../outbox/id-pool.ts";
import { AuthorityHub, meeting } from "../testing/authority-hub.ts";
import { hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { Outcomes, refusedIntents } from "./outcomes.ts";
import { SiteInventory } from "./site-inventory.ts";

type Fields = Readonly<Record<string, unknown>>;
const FROM = { address: "192.0.2.7", request: "request-1" };
const ALICE = { actor: "operator:alice", token: "token-alice", ...FROM, tenant: TENANT };

/** A site that has heard its hub and is cut off now, with a host of its own, one that is free, and an OS. */
async function cutOff(ids = 4) {
  const hub = await AuthorityHub.open();
  const site = await TestSite.open();
  const [own, free, os] = [
    await hub.create(Host, { name: "own", siteId: SITE, serialNumber: "SN-1", desiredState: "HOST_STATE_REGISTERED" }),
    await hub.create(Host, { name: "free", serialNumber: "SN-2", desiredState: "HOST_STATE_REGISTERED" }),
    await hub.create(OperatingSystem, { name: "debian", profileName: "debian", sha256: "0".repeat(64) }),
  ];
  await hub.show(site);
  if (ids > 0) await site.write((tx) => addLentIds(tx, { first: 0x9000_0000, count: ids }));
  const made = (): SiteInventory => {
    const outcomes = new Outcomes(site.store, systemClock);
    return new SiteInventory({
      ...site,
      outcomes,
      replicaOf: async () => OF,
      intents: site.intents,
      clock: systemClock,
    });
  };
  let inventory = made();
  return {
    ...{ hub, site, own, free, os },
    create: (kind: Kind, fields: Fields) => inventory.create(kind, { ...ALICE, fields }),
    update: (kind: Kind, id: string, fields: Fields, more: object = {}) =>
      inventory.update(kind, { ...ALICE, id, fields, ...more }),
    remove: (kind: Kind, id: string) => inventory.remove(kind, { ...ALICE, id }),
    async restart() {
      await site.reopen();
      inventory = made();
    },
    async entries(): Promise<UplinkEntry[]> {
      const rows = await site.store.read((view) =>
        siteTables(view).selectFrom("outbox").select("body").where("lane", "=", 1).orderBy("number").execute(),
      );
      return rows.map(({ body }) => JSON.parse(body ?? "null"));
    },
    ...meeting(hub, site),
  };
}

test("a machine registered at a cut-off site shows at once, under a lent id, and is the same at the hub later (rules 4, 16)", async () => {
  await using it = await cutOff();
  const made = await it.create(Host, { name: "till", serialNumber: "SN-9", desiredState: "HOST_STATE_REGISTERED" });
  expect(made).toMatchObject({ resourceId: "host-90000000", owner: SITE, fields: { siteId: SITE, name: "till" } });
  expect(await it.entries()).toMatchObject([
    { type: "create", id: "host-90000000", actor: "operator:alice", token: "token-alice", fields: { siteId: SITE } },
  ]);
  expect((await it.entries())[0], "from where, for the audit log of the hub").toMatchObject({ from: FROM });
  await it.meet();
  expect(await it.hub.get(Host, "host-90000000")).toMatchObject({ owner: SITE, fields: made.fields });
});

test("several fields in one request are one intent each, with who, when, and the stamp that was seen (rule 1)", async () => {
  await using it = await cutOff();
  const seen = (await it.site.get(Host, it.own))?.stamps;
  await it.update(Host, it.own, { name: "renamed", metadata: [{ key: "a", value: "b" }] });
  await it.update(Host, it.own, { name: "again" });
  const [first, second, third] = await it.entries();
  const by = { type: "edit", id: it.own, actor: "operator:alice", token: "token-alice", at: expect.any(Number) };
  expect(first).toMatchObject({ ...by, field: "name", value: "renamed", base: seen?.name?.id });
  expect(second).toMatchObject({ ...by, field: "metadata", base: seen?.metadata?.id ?? "" });
  expect(third).toMatchObject({ field: "name", base: first && "intent" in first ? first.intent : "none" });
});

test("null unsets a field to what the hub would show, at once and after", async () => {
  await using it = await cutOff();
  await it.update(Host, it.own, { metadata: [{ key: "a", value: "b" }] });
  const shown = await it.update(Host, it.own, { metadata: null, desiredPowerState: null });
  expect(shown.fields).toMatchObject({ metadata: [] });
  await it.meet();
  expect((await it.hub.get(Host, it.own))?.fields).toMatchObject({ metadata: [] });
  expect((await it.site.get(Host, it.own))?.fields).toEqual(shown.fields);
});

test("a change that changes nothing is no intent", async () => {
  await using it = await cutOff();
  const held: unknown[] = [];
  await it.update(Host, it.own, { name: "own", siteId: SITE }, { durable: (d: unknown) => held.push(d) });
  expect(await it.entries()).toEqual([]);
  expect(held).toEqual([{ held: "hub" }]);
});

test("a machine that no site has is claimed by the site, and other fields of it come after the claim (rule 12)", async () => {
  await using it = await cutOff();
  await expect(it.update(Host, it.free, { name: "mine" })).rejects.toThrow(/name: .* is at no site: claim it/);
  const claimed = await it.update(Host, it.free, { name: "mine", siteId: SITE });
  expect(claimed).toMatchObject({ owner: SITE, fields: { siteId: SITE, name: "mine" } });
  expect((await it.entries()).map((entry) => "field" in entry && entry.field)).toEqual(["siteId", "name"]);
  await it.meet();
  expect(await it.hub.get(Host, it.free)).toMatchObject({ owner: SITE, fields: { name: "mine" } });
  expect(await it.site.store.read(refusedIntents)).toEqual([]);
});

test("an instance is made on a host of the site, and deleted by asking the site to let it go", async () => {
  await using it = await cutOff();
  const made = await it.create(Instance, { hostID: it.own, osID: it.os, desiredState: "INSTANCE_STATE_RUNNING" });
  await it.remove(Instance, made.resourceId);
  await it.remove(Instance, made.resourceId);
  expect((await it.site.get(Instance, made.resourceId))?.fields.desiredState).toBe("INSTANCE_STATE_DELETED");
  expect(await it.entries()).toHaveLength(2);
  await it.meet();
  expect((await it.hub.get(Instance, made.resourceId))?.fields).toMatchObject({
    desiredState: "INSTANCE_STATE_DELETED",
  });
});

test.each<[string, (it: Awaited<ReturnType<typeof cutOff>>) => Promise<unknown>, string, RegExp]>([
  ["a region", (it) => it.create(Region, { name: "south" }), "PermissionDenied", /at the hub/],
  ["an OS", (it) => it.update(OperatingSystem, it.os, { name: "other" }), "PermissionDenied", /at the hub/],
  ["deleting an OS", (it) => it.remove(OperatingSystem, it.os), "PermissionDenied", /at the hub/],
  [
    "deleting a host",
    (it) => it.remove(Host, it.own),
    "PermissionDenied",
    /desiredState: hosts are deleted at the hub/,
  ],
  [
    "a move",
    (it) => it.update(Host, it.own, { siteId: null }),
    "PermissionDenied",
    /siteId: hosts are moved at the hub/,
  ],
  ["another's host", (it) => it.create(Host, { name: "x", siteId: "site-0000000b" }), "PermissionDenied", /siteId:/],
  [
    "an instance on a free host",
    (it) => it.create(Instance, { hostID: it.free, osID: it.os }),
    "PermissionDenied",
    /claim/,
  ],
  ["a host that is not there", (it) => it.update(Host, "host-ffffffff", { name: "x" }), "NotFound", /host_resource/],
  ["an unknown field", (it) => it.update(Host, it.own, { colour: "red" }), "InvalidArgument", /colour/],
  ["a name too long", (it) => it.update(Host, it.own, { name: "x".repeat(51) }), "InvalidArgument", /name/],
  ["an observation", (it) => it.update(Host, it.own, { hostname: "x" }), "PermissionDenied", /hostname/],
  [
    "an OS of nowhere",
    (it) => it.create(Instance, { hostID: it.own, osID: "os-ffffffff" }),
    "InvalidArgument",
    /system/,
  ],
  ["a missing field", (it) => it.create(Instance, { hostID: it.own }), "InvalidArgument", /osID/],
  [
    "a changed serial number",
    (it) => it.update(Host, it.own, { serialNumber: "SN-3" }),
    "FailedPrecondition",
    /serial/,
  ],
  [
    "a serial number twice",
    (it) => it.create(Host, { name: "x", serialNumber: "SN-2" }),
    "FailedPrecondition",
    /serial/,
  ],
  ["an old generation", (it) => it.update(Host, it.own, { name: "x" }, { ifGeneration: 99 }), "Aborted", /generation/],
  ["a key twice", (it) => it.update(Host, it.own, { metadata: twice }), "InvalidArgument", /metadata: the key a/],
])("%s is refused in words that name what to mend, and leaves nothing behind", async (_what, ask, code, message) => {
  await using it = await cutOff();
  const refused = await ask(it).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(await it.entries()).toEqual([]);
});
const twice = ["b", "c"].map((value) => ({ key: "a", value }));

test("what is being deleted is frozen (rule 15)", async () => {
  await using it = await cutOff();
  const made = await it.create(Instance, { hostID: it.own, osID: it.os });
  await it.remove(Instance, made.resourceId);
  await expect(it.update(Instance, made.resourceId, { name: "x" })).rejects.toThrow(/is being deleted/);
});

test("a host that goes to another site, or that another has, is not this site's to write (rule 14)", async () => {
  await using it = await cutOff();
  const rows = [
    hostRow("host-00000001", 1_001, { siteId: "site-0000000b" }),
    hostRow("host-00000002", 1_002, { siteId: "site-0000000b" }, { owner: "site-0000000b" }),
  ];
  await it.site.feed(TENANT_SCOPE, 1_000, [{ ...siteRow(999), id: "site-0000000b" }]);
  await it.site.feed(SITE_SCOPE, 1_002, rows);
  await expect(it.update(Host, "host-00000001", { name: "x" })).rejects.toThrow(/name: .* is moving to site-0000000b/);
  await expect(it.update(Host, "host-00000002", { name: "x" })).rejects.toThrow(/is managed by site-0000000b/);
  expect(await it.entries()).toEqual([]);
});

test("nothing is installed from an operating system that is retired, from the moment at which the site hears of it (rule 12)", async () => {
  await using it = await cutOff();
  const before = await it.create(Instance, { name: "web", hostID: it.own, osID: it.os });
  await it.hub.authority.remove(OperatingSystem, { actor: "operator:hub", tenant: TENANT, id: it.os });
  await it.hub.show(it.site);
  expect((await it.site.get(OperatingSystem, it.os))?.retired).toEqual(expect.any(Number));
  const refused = await it.create(Instance, { name: "db", hostID: it.own, osID: it.os }).catch((error) => error);
  expect(refused).toMatchObject({ code: "InvalidArgument", fields: ["osID"] });
  expect(await it.update(Instance, before.resourceId, { name: "web 2" })).toMatchObject({ fields: { name: "web 2" } });
});

test("with no lent id left a creation is refused, nothing is made, and the hub is asked for more (rule 16)", async () => {
  await using it = await cutOff(0);
  const refused = await it.create(Host, { name: "till" }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "ResourceExhausted", message: expect.stringMatching(/hub lends more/) });
  expect(await it.entries()).toEqual([]);
  await it.meet();
  expect(await it.create(Host, { name: "till" })).toMatchObject({ fields: { name: "till" } });
});

test("before the hub was heard, or before all of it is here, nothing can be written, and the reason is said", async () => {
  await using site = await TestSite.open();
  const outcomes = new Outcomes(site.store, systemClock);
  const parts = { ...site, intents: site.intents, outcomes, clock: systemClock };
  const unheard = new SiteInventory({ ...parts, replicaOf: async () => undefined });
  const half = new SiteInventory({ ...parts, replicaOf: async () => OF });
  await site.feed(SITE_SCOPE, 3, []);
  for (const inventory of [unheard, half]) {
    const asked = inventory.create(Host, { ...ALICE, fields: { name: "x" } });
    await expect(asked).rejects.toMatchObject({ code: "Unavailable" });
  }
});

test("a restart between a write and the hub's word loses nothing and applies nothing twice", async () => {
  await using it = await cutOff();
  const made = await it.create(Host, { name: "till" });
  await it.update(Host, made.resourceId, { name: "till 2" });
  await it.restart();
  await it.update(Host, made.resourceId, { name: "till 3" });
  await it.hub.take(it.site);
  await it.restart();
  expect((await it.site.get(Host, made.resourceId))?.fields.name).toBe("till 3");
  await it.hub.show(it.site);
  expect(await it.hub.get(Host, made.resourceId)).toMatchObject({ generation: 3, fields: { name: "till 3" } });
});

test("a refusal names the fields in a form that programs can read", async () => {
  await using it = await cutOff();
  const refused = await it.update(Host, it.own, { siteId: null }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(FieldFault);
  expect(refused).toMatchObject({ fields: ["siteId"] });
});

test("what may have come too late is wanted again at the site by wanting the same, without a limit (rule 17)", async () => {
  await using it = await cutOff();
  const off = { desiredPowerState: "POWER_STATE_OFF" };
  const stamps = { desiredPowerState: { id: "late", epoch: OF.epoch, generation: 9, applyBefore: 5 } };
  await it.site.feed(SITE_SCOPE, 1e15, [hostRow(it.own, 9, off, { stamps })]);
  expect((await it.site.get(Host, it.own))?.stamps.desiredPowerState).toHaveProperty("applyBefore", 5);
  const again = await it.update(Host, it.own, off);
  expect(again.stamps.desiredPowerState).not.toHaveProperty("applyBefore");
  expect(await it.entries()).toMatchObject([{ type: "edit", field: "desiredPowerState", base: "late" }]);
  await it.update(Host, it.own, off);
  expect(await it.entries()).toHaveLength(1);
});
