import { Host } from "@holdfast/protocol/kinds/host";
import type { UplinkEntry } from "@holdfast/protocol/uplink";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { release } from "../hosts/release.ts";
import { gone, hostRow, row, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { startStream } from "./stream.ts";

const [KEPT, GONE] = ["host-00000001", "host-00000002"];
const inPlace = (kind: string, id: string, body: object) => {
  return { is: "row" as const, kind, id, seq: 4, body: JSON.stringify(body) };
};
const conflict = {
  ...{ tenant: TENANT, kind: "host", resourceId: GONE, field: "name", openedAt: 1 },
  values: [{ write: "w", value: "a", by: "hub", actor: "a", at: 1, standing: true }],
};

async function queued(site: TestSite): Promise<UplinkEntry[]> {
  await site.write((transaction) =>
    startStream(transaction, site.outbox, { epoch: "epoch-2", reason: "epoch", site: SITE, tenant: TENANT, now: 5 }),
  );
  const rows = await site.store.read((view) =>
    siteTables(view).selectFrom("outbox").selectAll().where("lane", "=", -1).orderBy("number").execute(),
  );
  return rows.map(({ body }) => JSON.parse(body ?? ""));
}

const named = (entries: readonly UplinkEntry[]) =>
  entries.map((entry) =>
    [entry.type, "kind" in entry ? entry.kind : "", "scope" in entry ? entry.scope : ""].join(" "),
  );

test("a push is what was let go, then the rows of both scopes as they came, what is referred to first (rule 20)", async () => {
  await using site = await TestSite.open();
  const os = { name: "debian", sha256: "a".repeat(64), profileName: "p", imageId: "i" };
  await site.feed(SITE_SCOPE, 4, [
    inPlace("credential", KEPT, { hash: "h" }),
    inPlace("hold", SITE, { hold: "h" }),
    inPlace("command", "command-1", {}),
    row("instance", "inst-00000001", 4, { hostID: KEPT, osID: "os-00000001" }, { owner: SITE }),
    hostRow(KEPT, 4, { colour: "of a later version" }),
    inPlace("toaster", "toaster-1", { slots: 2 }),
    inPlace("conflict", "conflict-1", { ...conflict, resourceId: KEPT }),
  ]);
  await site.feed(TENANT_SCOPE, 4, [
    inPlace("access", "token-1", { name: "alice" }),
    row("operating_system", "os-00000001", 4, os),
    siteRow(),
  ]);
  const entries = await queued(site);
  expect(named(entries)).toEqual([
    "replica-row site tenant",
    "replica-row operating_system tenant",
    "replica-row access tenant",
    "replica-row host site",
    "replica-row instance site",
    "replica-row toaster site",
    "replica-row credential site",
    "replica-row conflict site",
    "recovered  ",
  ]);
  expect(entries[3]).toMatchObject({ id: KEPT, body: { fields: { colour: "of a later version" } } });
  expect(entries.at(-1)).toEqual({ type: "recovered", rows: 8, lineage: ["epoch-1", "epoch-2"] });
});

test("a machine that was let go is named with the row that asked for it and what was open about it (rules 15, 20)", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 5, [
    hostRow(KEPT, 4),
    hostRow(GONE, 5, { desiredState: "HOST_STATE_DELETED" }),
    inPlace("conflict", "conflict-1", conflict),
  ]);
  await site.write((transaction) => release(transaction, site.outbox, { kind: Host, id: GONE, reason: "deleted" }));
  const before = await queued(site);
  expect(named(before)).toEqual([
    "let-go host ",
    "replica-row site tenant",
    "replica-row host site",
    "replica-row conflict site",
    "recovered  ",
  ]);
  // The row and its conflict are gone from the feed; another life of the hub may have neither deletion nor conflict.
  await site.feed(SITE_SCOPE, 6, [gone("host", GONE), gone("conflict", "conflict-1")]);
  const entries = await queued(site);
  expect(entries[0]).toMatchObject({ type: "let-go", id: GONE, stamp: "w5-desiredState", body: { generation: 5 } });
  expect(entries[1]).toEqual({
    type: "replica-row",
    scope: "site",
    kind: "conflict",
    id: "conflict-1",
    body: conflict,
  });
});

test("what has been written to a machine since it was let go to nobody is told too (rules 14, 20)", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  const stamp = (id: string) => ({ id, epoch: "epoch-1", generation: 5 });
  const leaves = { owner: SITE, stamps: { name: stamp("w1"), siteId: stamp("w2") } };
  await site.feed(SITE_SCOPE, 5, [row("host", GONE, 5, { name: "before" }, leaves)]);
  await site.write((transaction) => release(transaction, site.outbox, { kind: Host, id: GONE, reason: "moved" }));
  await site.feed(SITE_SCOPE, 7, [gone("host", GONE)]);
  await site.feed(TENANT_SCOPE, 8, [
    row("host", GONE, 8, { name: "after" }, { stamps: { ...leaves.stamps, name: stamp("w3") } }),
  ]);
  const entries = await queued(site);
  expect(named(entries)).toEqual(["let-go host ", "replica-row site tenant", "replica-row host tenant", "recovered  "]);
  expect(entries[2]).toMatchObject({ id: GONE, body: { fields: { name: "after" } } });
});

test("a machine that is wanted here again was not let go (rules 14, 20)", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 5, [hostRow(GONE, 5, { siteId: "site-0000000b" })]);
  await site.write((transaction) => release(transaction, site.outbox, { kind: Host, id: GONE, reason: "moved" }));
  await site.feed(SITE_SCOPE, 8, [hostRow(GONE, 8)]);
  expect(named(await queued(site))).toEqual(["replica-row site tenant", "replica-row host site", "recovered  "]);
});

test("used enrolment tokens and who may not speak for a host are said to another life of the hub again", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 4, [hostRow(KEPT, 4)]);
  await site.write(async (transaction) => {
    const used = { id: "e-1", token_hash: "x", machine: "m", host: KEPT, at: 1 };
    await siteTables(transaction).insertInto("enrolment_used").values(used).execute();
    await site.outbox.add(transaction, { type: "credential", hostId: KEPT, hash: null, machine: "m", at: 2 });
    await siteTables(transaction).deleteFrom("outbox").execute();
  });
  await queued(site);
  const left = await site.store.read((view) =>
    siteTables(view).selectFrom("outbox").select("body").where("lane", ">=", 0).execute(),
  );
  const said = left.map(({ body }) => JSON.parse(body ?? "{}"));
  expect(said).toContainEqual({ type: "enrolment-used", id: "e-1", hostId: KEPT, at: 1 });
  expect(said).toContainEqual({ type: "credential", hostId: KEPT, hash: null, machine: "m", at: 2 });
});
