import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { storeCredential } from "../hosts/credentials.ts";
import { gone, hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { acknowledge } from "./reply.ts";
import { seal } from "./seal.ts";

const HOST = "host-00000001";

const credential = (seq: number, hash: string, id = HOST) => {
  const body = { tenant: TENANT, hash, machine: `machine-${hash}`, at: 1 };
  return { is: "row" as const, kind: "credential", id, seq, body: JSON.stringify(body) };
};

async function siteWithHost(fields: Record<string, unknown> = {}): Promise<TestSite> {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2, fields)]);
  return site;
}

const held = (site: TestSite) =>
  site.store.read(async (view) => {
    const rows = await siteTables(view).selectFrom("credential").select(["host", "hash"]).execute();
    return Object.fromEntries(rows.map(({ host, hash }) => [host, hash]));
  });

const say = (site: TestSite, hash: string | null, host = HOST) =>
  site.write(async (transaction) => {
    const machine = `machine-${hash}`;
    if (hash === null) await siteTables(transaction).deleteFrom("credential").where("host", "=", host).execute();
    else await storeCredential(transaction, { host, hash, machine, at: 2 });
    await site.outbox.add(transaction, { type: "credential", hostId: host, hash, machine, at: 2 });
  });

/** The hub takes all that waits; its feed is as far as `position` then. */
const sent = (site: TestSite, position: number) =>
  site.write(async (transaction) => {
    const batch = await seal(transaction, { site: SITE, tenant: TENANT, now: 1 });
    if (!batch) throw new Error("nothing to send");
    const { stream, entries, first } = JSON.parse(batch.body);
    const reply = { stream, cursor: first + entries.length - 1, outcomes: [], position };
    await acknowledge(transaction, OF, { batch, reply, now: 1 });
  });

test("a site that knows nothing of a machine takes over by what the hub knows it (rules 14, 20)", async () => {
  await using site = await siteWithHost();
  const taken = await site.hear(SITE_SCOPE, 3, [credential(3, "a"), credential(3, "x", "host-0000dead")], {
    snapshot: true,
  });
  expect(taken).toMatchObject({ is: "applied", credentials: false });
  await site.hear(SITE_SCOPE, 4, [hostRow(HOST, 4), credential(4, "a"), credential(4, "x", "host-0000dead")], {
    snapshot: true,
  });
  expect(await held(site)).toEqual({ [HOST]: "a" });
});

test("a credential that came before its host is taken over when the host shows", async () => {
  await using site = await TestSite.open();
  await site.feed(SITE_SCOPE, 2, [credential(2, "a")]);
  expect(await held(site)).toEqual({});
  await site.feed(TENANT_SCOPE, 3, [siteRow()]);
  await site.feed(SITE_SCOPE, 4, [hostRow(HOST, 4)]);
  expect(await held(site)).toEqual({ [HOST]: "a" });
});

test.each(["HOST_STATE_DELETED", "HOST_STATE_UNTRUSTED"])(
  "the machine of a host that shall be %s gets nothing",
  async (desiredState) => {
    await using site = await siteWithHost({ desiredState });
    await site.feed(SITE_SCOPE, 3, [credential(3, "a")]);
    expect(await held(site)).toEqual({});
  },
);

test("what the site itself said stands until the hub's row is newer than the hub's taking of it", async () => {
  await using site = await siteWithHost();
  await say(site, "mine");
  await site.feed(SITE_SCOPE, 3, [credential(3, "older")]);
  expect(await held(site)).toEqual({ [HOST]: "mine" });
  await sent(site, 5);
  await site.feed(SITE_SCOPE, 4, [credential(4, "older")]);
  expect(await held(site)).toEqual({ [HOST]: "mine" });
  await site.feed(SITE_SCOPE, 6, [credential(6, "newer")]);
  expect(await held(site)).toEqual({ [HOST]: "newer" });
});

test("a machine that was put out does not come back by an older row, and its row's absence puts nobody out", async () => {
  await using site = await siteWithHost();
  await site.feed(SITE_SCOPE, 3, [credential(3, "a")]);
  await say(site, null);
  await site.feed(SITE_SCOPE, 4, [credential(4, "a")]);
  expect(await held(site)).toEqual({});
  await sent(site, 6);
  await site.feed(SITE_SCOPE, 5, [hostRow(HOST, 5)]);
  expect(await held(site)).toEqual({});
  await site.feed(SITE_SCOPE, 7, [credential(7, "b")]);
  await site.feed(SITE_SCOPE, 8, [gone("credential", HOST)]);
  expect(await held(site)).toEqual({ [HOST]: "b" });
});

test("a word said while an earlier one was on its way is still to be taken", async () => {
  await using site = await siteWithHost();
  await say(site, "one");
  const batch = await site.write((transaction) => seal(transaction, { site: SITE, tenant: TENANT, now: 1 }));
  await say(site, "two");
  const { stream, entries, first } = JSON.parse(batch?.body ?? "");
  const reply = { stream, cursor: first + entries.length - 1, outcomes: [], position: 5 };
  if (batch) await site.write((transaction) => acknowledge(transaction, OF, { batch, reply, now: 1 }));
  await site.feed(SITE_SCOPE, 6, [credential(6, "one")]);
  expect(await held(site)).toEqual({ [HOST]: "two" });
});

test("a word about a host that is gone is forgotten once the hub has taken it", async () => {
  await using site = await siteWithHost();
  const words = () =>
    site.store.read(async (view) => {
      const rows = await siteTables(view).selectFrom("credential_word").select("host").orderBy("host").execute();
      return rows.map(({ host }) => host);
    });
  await say(site, "a");
  await sent(site, 3);
  await site.feed(SITE_SCOPE, 4, [gone("host", HOST), hostRow("host-00000002", 4)]);
  await say(site, null);
  await say(site, "b", "host-00000002");
  expect(await words()).toEqual([HOST, "host-00000002"]);
  await sent(site, 5);
  expect(await words()).toEqual(["host-00000002"]);
});
