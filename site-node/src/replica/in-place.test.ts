import { Host } from "@holdfast/protocol/kinds/host";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { recordOutcome } from "../intents/outcomes.ts";
import { gone, hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { applyOutcomes } from "./apply.ts";
import { isInConflict, openConflicts } from "./conflicts.ts";
import { accessRows, aliasOf, commandRows, holdOf } from "./in-place.ts";

const [HOST, OTHER, MADE] = ["host-00000001", "host-00000002", "host-00000003"];

const inPlace = (kind: string, id: string, body: object, seq = 3) => {
  return { is: "row" as const, kind, id, seq, body: JSON.stringify(body) };
};
const conflict = (field: string | null, id = "conflict-1", seq = 3) =>
  inPlace(
    "conflict",
    id,
    {
      ...{ tenant: TENANT, kind: "host", resourceId: HOST, field, openedAt: 1 },
      values: [{ write: "w1", value: "a", by: "hub", actor: "a", at: 1, standing: true }],
    },
    seq,
  );

async function siteWith(...changes: ReturnType<typeof inPlace>[]): Promise<TestSite> {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 3, [hostRow(HOST, 2), hostRow(OTHER, 2), ...changes]);
  return site;
}

const inConflict = (site: TestSite, field: string, id = HOST) =>
  site.store.read((view) => isInConflict(view, { kind: "host", id }, field));

test("nothing is kept of a row that is no resource and is gone", async () => {
  await using site = await siteWith(conflict("name"));
  const kept = () =>
    site.store.read((view) =>
      siteTables(view).selectFrom("replica_row").select("id").where("kind", "=", "conflict").execute(),
    );
  expect(await kept()).toHaveLength(1);
  await site.feed(SITE_SCOPE, 4, [gone("conflict", "conflict-1")]);
  expect(await kept()).toEqual([]);
});

test("rows that are no resources are known, not parked, and can be read; those of no known shape wait", async () => {
  const access = { tenant: TENANT, name: "alice", role: "write", tokenHash: "abc", notAfter: null, offlineSeconds: 5 };
  const command = {
    tenant: TENANT,
    hostId: HOST,
    command: "reset",
    incarnation: 1,
    issuedAt: 1,
    notAfter: 2,
    actor: "a",
  };
  await using site = await siteWith(
    inPlace("access", "token-1", access),
    inPlace("access", "token-2", { tokenHash: "def" }),
    inPlace("command", "command-1", command, 7),
    inPlace("alias", "host-0000dead", { tenant: TENANT, kind: "host", of: HOST }),
  );
  const parked = await site.store.read((view) =>
    siteTables(view)
      .selectFrom("replica_row")
      .select(["id", "parked", "parked_at"])
      .where("parked", "is not", null)
      .execute(),
  );
  const reason = expect.stringMatching(/^this version cannot read it: .*tenant/);
  expect(parked).toEqual([{ id: "token-2", parked: reason, parked_at: 1_000 }]);
  await site.store.read(async (view) => {
    expect(await accessRows(view)).toMatchObject([{ id: "token-1", body: { name: "alice" } }]);
    expect(await commandRows(view)).toEqual([{ id: "command-1", seq: 7, body: command }]);
    expect(await aliasOf(view, "host-0000dead")).toEqual({ kind: "host", id: HOST });
    expect(await aliasOf(view, HOST)).toBeUndefined();
  });
});

test("a hold holds whatever its reason, a command that this version does not know waits (rules 21, 23)", async () => {
  const command = { tenant: TENANT, hostId: HOST, incarnation: 1, issuedAt: 1, notAfter: 2, actor: "a" };
  await using site = await siteWith(
    inPlace("hold", SITE, { tenant: TENANT, hold: "hold-1", reason: "flood", since: 1 }),
    inPlace("command", "command-1", { ...command, command: "self-destruct" }),
  );
  expect(await site.store.read((view) => holdOf(view, SITE))).toMatchObject({ hold: "hold-1", reason: "flood" });
  expect(await site.store.read((view) => commandRows(view))).toEqual([]);
  const parked = await site.store.read((view) =>
    siteTables(view).selectFrom("replica_row").select("id").where("parked", "is not", null).execute(),
  );
  expect(parked).toEqual([{ id: "command-1" }]);
});

test("a hold holds until the hub or an operator here has released it, and a later one holds again (rule 21)", async () => {
  const hold = (name: string) =>
    inPlace("hold", SITE, { tenant: TENANT, hold: name, reason: "hub-restored", since: 1 });
  await using site = await siteWith(hold("hold-1"));
  const holding = () => site.store.read((view) => holdOf(view, SITE));
  expect(await holding()).toMatchObject({ hold: "hold-1", reason: "hub-restored" });
  await site.write((transaction) =>
    siteTables(transaction).insertInto("hold_released").values({ hold: "hold-1", actor: "a", at: 1 }).execute(),
  );
  expect(await holding()).toBeUndefined();
  await site.feed(SITE_SCOPE, 4, [hold("hold-2")]);
  expect(await holding()).toMatchObject({ hold: "hold-2" });
  await site.feed(SITE_SCOPE, 5, [gone("hold", SITE)]);
  expect(await holding()).toBeUndefined();
});

test("a field with an open conflict is held, no other and of no other machine (rule 3)", async () => {
  await using site = await siteWith(conflict("desiredPowerState"));
  expect(await inConflict(site, "desiredPowerState")).toBe(true);
  expect(await inConflict(site, "name")).toBe(false);
  expect(await inConflict(site, "desiredPowerState", OTHER)).toBe(false);
  await site.feed(SITE_SCOPE, 4, [gone("conflict", "conflict-1")]);
  expect(await inConflict(site, "desiredPowerState")).toBe(false);
});

test("a conflict about what a machine is holds all of its fields", async () => {
  await using site = await siteWith(conflict(null));
  expect(await inConflict(site, "desiredPowerState")).toBe(true);
});

test("a conflict that was resolved here is over at once, and open again when the hub could not take that (rule 3)", async () => {
  await using site = await siteWith(conflict("name"));
  const resolves = { conflict: "conflict-1", saw: ["w1"] };
  const edit = { id: HOST, field: "name", value: "a", actor: "operator:a", resolves };
  const intent = await site.write((transaction) => site.intents.edit(transaction, OF, Host, edit));
  expect(await inConflict(site, "name")).toBe(false);
  expect(await site.store.read((view) => openConflicts(view))).toEqual([]);
  await site.write(async (transaction) => {
    await recordOutcome(transaction, { seq: 1, intent, result: "quarantined" });
    await applyOutcomes(transaction, OF, 1);
  });
  expect(await inConflict(site, "name")).toBe(true);
});

test("a resolution that found other values hides the conflict until its row with them is here (rules 2, 3)", async () => {
  await using site = await siteWith(conflict("name"));
  const resolves = { conflict: "conflict-1", saw: ["w1"] };
  const edit = { id: HOST, field: "name", value: "a", actor: "operator:a", resolves };
  const intent = await site.write((transaction) => site.intents.edit(transaction, OF, Host, edit));
  await site.write(async (transaction) => {
    const at = { scope: SITE_SCOPE, seq: 6 };
    await recordOutcome(transaction, { seq: 1, intent, result: "conflict", conflict: "conflict-1", at });
    await applyOutcomes(transaction, OF, 1);
  });
  expect(await inConflict(site, "name")).toBe(false);
  await site.feed(SITE_SCOPE, 6, [conflict("name", "conflict-1", 6)]);
  expect(await inConflict(site, "name")).toBe(true);
  expect((await site.get(Host, HOST))?.fields.name).toBe(HOST);
});

test("a machine that the hub knows under another id is not shown under this one any more (rule 5)", async () => {
  await using site = await siteWith();
  const fields = { name: "made-here", siteId: SITE, desiredState: "HOST_STATE_ONBOARDED" };
  const made = { id: "host-000000ff", creation: "machine", actor: `site:${SITE}`, fields };
  const intent = await site.write((transaction) => site.intents.create(transaction, OF, Host, made));
  await site.write(async (transaction) => {
    const at = { scope: SITE_SCOPE, seq: 6 };
    await recordOutcome(transaction, { seq: 1, intent, result: "applied", alias: HOST, at });
    await applyOutcomes(transaction, OF, 1);
  });
  expect(await site.get(Host, "host-000000ff")).toBeDefined();
  const alias = inPlace("alias", "host-000000ff", { tenant: TENANT, kind: "host", of: HOST }, 6);
  await site.feed(SITE_SCOPE, 6, [hostRow(HOST, 6), alias]);
  expect(await site.get(Host, "host-000000ff")).toBeUndefined();
  expect(await site.store.read((view) => aliasOf(view, "host-000000ff"))).toEqual({ kind: "host", id: HOST });
});

test.each([
  ["it goes when an operator chose that there is no such host", [gone("host", MADE)], undefined],
  ["it is the hub's when an operator chose that there is", [hostRow(MADE, 6, { name: "hub's" })], "hub's"],
])("a host made here that became a conflict stays while that is open; %s (rule 3)", async (_, chosen, name) => {
  await using site = await siteWith();
  const fields = { name: "made", siteId: SITE, desiredState: "HOST_STATE_ONBOARDED" };
  const made = { id: MADE, fields, creation: "c-1", actor: "operator:a" };
  const intent = await site.write((transaction) => site.intents.create(transaction, OF, Host, made));
  await site.write(async (transaction) => {
    const at = { scope: SITE_SCOPE, seq: 5 };
    await recordOutcome(transaction, { seq: 1, intent, result: "conflict", conflict: "conflict-1", at });
    await applyOutcomes(transaction, OF, 0);
  });
  const nameOf = async () => (await site.get(Host, MADE))?.fields.name;
  expect(await nameOf()).toBe("made");
  await site.feed(SITE_SCOPE, 5, [conflict(null, "conflict-1", 5)]);
  expect(await nameOf()).toBe("made");
  await site.feed(SITE_SCOPE, 6, [gone("conflict", "conflict-1"), ...chosen]);
  expect(await nameOf()).toBe(name);
});
