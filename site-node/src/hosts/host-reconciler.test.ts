import { Host } from "@holdfast/protocol/kinds/host";
import { decode } from "@holdfast/protocol/messages";
import { silentLog, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { gone, hostRow, OF, row, SITE, SITE_SCOPE, siteRow, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { Credentials, storeCredential } from "./credentials.ts";
import { mergedMetadata } from "./desired.ts";
import { hostReconciler } from "./host-reconciler.ts";
import { Presence } from "./presence.ts";

const HOST = "host-00000001";

async function managing(fields: Record<string, unknown> = {}) {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2, fields)]);
  await site.write((transaction) => storeCredential(transaction, { host: HOST, hash: "h", machine: "m", at: 1 }));
  const done: string[] = [];
  const disk = { full: false };
  const documents: { topic: string; payload: Uint8Array }[] = [];
  const common = {
    store: site.store,
    outbox: site.outbox,
    replicaOf: async () => OF,
    clock: systemClock,
    log: silentLog,
  };
  const credentials = await Credentials.load(site.store);
  const broker = {
    publish: async (topic: string, payload: Uint8Array | string) => {
      documents.push({ topic, payload: Buffer.from(payload) });
    },
    forget: async (host: string) => {
      if (disk.full) throw new Error("database or disk is full");
      done.push(`forget ${host} admitted=${credentials.has(host)}`);
    },
  };
  const reconciler = hostReconciler({ ...common, credentials, presence: new Presence(common), broker });
  const run = () => reconciler.reconcile(HOST, new AbortController().signal);
  const releases = async () => {
    const rows = await site.store.read((view) => siteTables(view).selectFrom("outbox").select("body").execute());
    return rows.flatMap(({ body }) => (body?.includes('"release"') ? [JSON.parse(body)] : []));
  };
  return {
    site,
    run,
    list: () => reconciler.list(),
    disk,
    done,
    documents,
    credentials,
    releases,
    [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
  };
}

test("a host is told what it should be, once, and again with a greater version when that changes", async () => {
  await using it = await managing({ metadata: [{ key: "role", value: "till" }] });
  await it.run();
  await it.run();
  await it.site.feed(SITE_SCOPE, 3, [hostRow(HOST, 3, { name: "renamed" })]);
  await it.run();
  const told = it.documents.map(({ payload }) => decode("Desired", payload));
  expect(told.map(({ name, generation }) => [name, generation])).toEqual([
    [HOST, 2],
    ["renamed", 3],
  ]);
  expect(told[0]?.metadata).toEqual({ role: "till" });
  expect(told.map(({ version }) => version?.counter)).toEqual([1, 2]);
  expect(it.documents[0]?.topic).toBe(`e/v1/${SITE}/${HOST}/desired`);
});

test("a machine that was put out and let in again is told in a version greater than any before (rule 19)", async () => {
  await using it = await managing();
  await it.run();
  await it.site.feed(SITE_SCOPE, 3, [hostRow(HOST, 3, { name: "renamed" })]);
  await it.run();
  await it.site.feed(SITE_SCOPE, 4, [gone("host", HOST)]);
  await it.run();
  await it.site.feed(SITE_SCOPE, 5, [hostRow(HOST, 5)]);
  await it.site.write((transaction) => storeCredential(transaction, { host: HOST, hash: "h", machine: "m", at: 1 }));
  await it.run();
  expect(it.done).toHaveLength(1);
  const versions = it.documents.map(({ payload }) => decode("Desired", payload).version);
  expect(versions.map((version) => version?.incarnation)).toEqual(versions.map(() => versions[0]?.incarnation));
  expect(versions.map((version) => version?.counter)).toEqual([1, 2, 3]);
});

test("a machine that is not trusted any more is locked out before it is thrown out", async () => {
  await using it = await managing({ desiredState: "HOST_STATE_UNTRUSTED" });
  await it.run();
  expect(it.done).toEqual([`forget ${HOST} admitted=false`]);
  expect((await it.site.get(Host, HOST))?.fields).toMatchObject({
    currentState: "HOST_STATE_UNTRUSTED",
    hostStatus: "Invalidated",
  });
  expect(await it.releases()).toEqual([]);
});

test("a machine is put out although putting it out failed at first, and its credential was gone by then", async () => {
  await using it = await managing({ desiredState: "HOST_STATE_UNTRUSTED" });
  it.disk.full = true;
  await expect(it.run()).rejects.toThrow(/full/);
  expect(it.credentials.has(HOST)).toBe(false);
  it.disk.full = false;
  expect(await it.list()).toContain(HOST);
  await it.run();
  await it.run();
  expect(it.done).toEqual([`forget ${HOST} admitted=false`]);
});

test("a deleted host's machine is put out although its row is gone before it could be", async () => {
  await using it = await managing({ desiredState: "HOST_STATE_DELETED" });
  it.disk.full = true;
  await expect(it.run()).rejects.toThrow(/full/);
  await it.site.feed(SITE_SCOPE, 6, [gone("host", HOST)]);
  it.disk.full = false;
  expect(await it.list()).toContain(HOST);
  await it.run();
  expect(it.done).toEqual([`forget ${HOST} admitted=false`]);
  expect(await it.list()).toEqual([]);
});

test("what a machine says while it is being put out leaves nothing behind", async () => {
  await using it = await managing({ desiredState: "HOST_STATE_UNTRUSTED" });
  await it.site.write((transaction) =>
    siteTables(transaction)
      .insertInto("host_link")
      .values({ host: HOST, liveness: '{"phase":"unheard"}', report_hash: "h", mismatch: null, refusal: null })
      .execute(),
  );
  await it.run();
  expect(await it.site.store.read((view) => siteTables(view).selectFrom("host_link").selectAll().execute())).toEqual(
    [],
  );
});

test("the hub hears how far the site has got with a host that no machine is yet", async () => {
  await using it = await managing();
  await it.site.write((transaction) => siteTables(transaction).deleteFrom("credential").execute());
  await it.run();
  expect(await it.site.get(Host, HOST)).toMatchObject({ generation: 2, observedGeneration: 2 });
  await it.site.feed(SITE_SCOPE, 3, [hostRow(HOST, 3, { name: "renamed" })]);
  await it.run();
  expect(await it.site.get(Host, HOST)).toMatchObject({ generation: 3, observedGeneration: 3 });
});

test("a host whose row went and came again shows its machine as it is there, and is asked for its hardware", async () => {
  await using it = await managing();
  const online = JSON.stringify({ phase: "online", session: "s", deadline: 0 });
  await it.site.write((transaction) =>
    siteTables(transaction)
      .insertInto("host_link")
      .values({ host: HOST, liveness: online, report_hash: "h", mismatch: null, refusal: null })
      .execute(),
  );
  await it.run();
  expect((await it.site.get(Host, HOST))?.fields).toMatchObject({ hostStatus: "Running" });
  const link = await it.site.store.read((view) => siteTables(view).selectFrom("host_link").selectAll().execute());
  expect(link).toMatchObject([{ report_hash: null }]);
});

test("a deleted host is forgotten and let go once, and again when its row is seen again", async () => {
  await using it = await managing();
  await it.site.feed(SITE_SCOPE, 5, [hostRow(HOST, 5, { desiredState: "HOST_STATE_DELETED" })]);
  await it.run();
  await it.run();
  expect(it.done).toEqual([`forget ${HOST} admitted=false`]);
  const release = { type: "release", kind: "host", id: HOST, reason: "deleted", stamp: "w5-desiredState" };
  const said = { ...release, body: expect.objectContaining({ owner: SITE }) };
  expect(await it.releases()).toEqual([said]);

  await it.site.write((transaction) => siteTables(transaction).deleteFrom("outbox").execute());
  const stamps = { desiredState: { id: "w5-desiredState", epoch: OF.epoch, generation: 5 } };
  await it.site.feed(SITE_SCOPE, 6, [hostRow(HOST, 6, { desiredState: "HOST_STATE_DELETED" }, { stamps })]);
  await it.run();
  expect(await it.releases()).toEqual([said]);
});

test("a moved host is let go only when all that this site wanted of it shows in its replica", async () => {
  await using it = await managing();
  await it.site.write((transaction) =>
    it.site.intents.edit(transaction, OF, Host, { id: HOST, field: "name", value: "ours", actor: "a" }),
  );
  await it.site.feed(TENANT_SCOPE, 4, [row("site", "site-0000000b", 4, { name: "bergen" })]);
  await it.site.feed(SITE_SCOPE, 5, [hostRow(HOST, 5, { siteId: "site-0000000b" })]);
  expect(await it.run()).toHaveProperty("checkAfter");
  expect([it.done, await it.releases()]).toEqual([[], []]);

  await it.site.write((transaction) => siteTables(transaction).deleteFrom("local_intent").execute());
  await it.run();
  expect(it.done).toEqual([`forget ${HOST} admitted=false`]);
  expect(await it.releases()).toMatchObject([{ reason: "moved", stamp: "w5-siteId" }]);
});

test("a host that is gone from the feed is put out, and nothing is released or wiped", async () => {
  await using it = await managing();
  await it.site.feed(SITE_SCOPE, 5, [gone("host", HOST)]);
  await it.run();
  expect(it.done).toEqual([`forget ${HOST} admitted=false`]);
  expect(await it.releases()).toEqual([]);
});

test("the nearer label wins", () => {
  const label = (key: string, value: string) => ({ key, value });
  const layers = [[label("a", "host")], undefined, [label("a", "site"), label("b", "site")], [label("c", "region")]];
  expect(mergedMetadata(layers)).toEqual({ a: "host", b: "site", c: "region" });
});
