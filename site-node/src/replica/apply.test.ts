import { setImmediate as nextTurn } from "node:timers/promises";
import { Host } from "@holdfast/protocol/kinds/host";
import { Instance } from "@holdfast/protocol/kinds/instance";
import { OperatingSystem } from "@holdfast/protocol/kinds/operating-system";
import { Site } from "@holdfast/protocol/kinds/site";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { observe } from "../hosts/observe.ts";
import { RUNNING } from "../hosts/statuses.ts";
import { recordOutcome } from "../intents/outcomes.ts";
import {
  gone,
  hostRow,
  OF,
  row,
  SITE,
  SITE_SCOPE,
  siteRow,
  TENANT,
  TENANT_SCOPE,
  TestSite,
} from "../testing/test-site.ts";
import { applyBatch, applyOutcomes, type FeedChange } from "./apply.ts";

const HOST = "host-00000001";
const OS = { name: "debian", sha256: "a".repeat(64), profileName: "p", imageId: "i" };

async function parked(site: TestSite): Promise<string[]> {
  const rows = await site.store.read((view) =>
    siteTables(view).selectFrom("replica_row").select(["id", "parked"]).where("parked", "is not", null).execute(),
  );
  return rows.map(({ id, parked: reason }) => `${id}: ${reason}`);
}

async function position(site: TestSite, scope: string) {
  return site.store.read((view) =>
    siteTables(view).selectFrom("replica_position").selectAll().where("scope", "=", scope).executeTakeFirst(),
  );
}

async function withHost(fields: Record<string, unknown> = {}): Promise<TestSite> {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2, fields)]);
  return site;
}

async function rename(site: TestSite, value: string): Promise<string> {
  await site.write((transaction) =>
    site.intents.edit(transaction, OF, Host, { id: HOST, field: "name", value, actor: "operator:a" }),
  );
  const { id } = await site.store.read((view) =>
    siteTables(view).selectFrom("local_intent").select("id").orderBy("number", "desc").executeTakeFirstOrThrow(),
  );
  return id;
}

async function outcome(site: TestSite, intent: string, result: "applied" | "conflict" | "quarantined", seq?: number) {
  await site.write(async (transaction) => {
    const at = seq === undefined ? {} : { at: { scope: SITE_SCOPE, seq } };
    await recordOutcome(transaction, { seq: 1, intent, result, ...at });
    await applyOutcomes(transaction, OF, 0);
  });
}

test("rows become resources, and the position is stored with them", async () => {
  await using site = await withHost();
  expect((await site.get(Host, HOST))?.fields).toMatchObject({ name: HOST, hostStatus: "Not Connected" });
  expect(await position(site, SITE_SCOPE)).toMatchObject({ handle: "h1", position: "2_0", seq: 2 });
});

test("a batch that fails leaves neither rows nor position", async () => {
  await using site = await TestSite.open();
  await expect(
    site.write(async () => {
      await site.feed(TENANT_SCOPE, 1, []).catch(() => undefined);
    }),
  ).resolves.toBeUndefined();
  const before = await position(site, TENANT_SCOPE);
  const broken = { ...siteRow(9), seq: Number.NaN } as ReturnType<typeof siteRow>;
  await expect(site.feed(TENANT_SCOPE, 9, [broken])).rejects.toThrow();
  expect(await position(site, TENANT_SCOPE)).toEqual(before);
  expect(await site.get(Site, SITE)).toBeUndefined();
});

test("a row that comes twice, and the deletion of what was never here, change nothing", async () => {
  await using site = await withHost();
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2), gone("host", "host-0000dead"), gone("enrolment", "e-none")]);
  expect((await site.get(Host, HOST))?.generation).toBe(2);
  expect(await parked(site)).toEqual([]);
});

test("of several changes of one row in one answer the last counts", async () => {
  await using site = await withHost();
  await site.feed(SITE_SCOPE, 4, [hostRow(HOST, 3, { name: "older" }), hostRow(HOST, 4, { name: "newer" })]);
  expect((await site.get(Host, HOST))?.fields.name).toBe("newer");
  await site.feed(SITE_SCOPE, 6, [hostRow(HOST, 5), gone("host", HOST)]);
  expect(await site.get(Host, HOST)).toBeUndefined();
});

test("a row that refers to one not there yet waits, while the version before goes on being shown", async () => {
  await using site = await withHost();
  await site.feed(SITE_SCOPE, 5, [
    row("instance", "inst-00000001", 5, { hostID: HOST, osID: "os-00000001" }, { owner: SITE }),
  ]);
  expect(await site.get(Instance, "inst-00000001")).toBeUndefined();
  expect(await parked(site)).toEqual([expect.stringContaining("inst-00000001")]);
  expect(await position(site, SITE_SCOPE)).toMatchObject({ seq: 5 });

  await site.feed(TENANT_SCOPE, 6, [row("operating_system", "os-00000001", 6, OS)]);
  expect((await site.get(Instance, "inst-00000001"))?.fields.osID).toBe("os-00000001");
  expect(await parked(site)).toEqual([]);
});

test("of rows that come together each waits for what it waits for, and the others are shown", async () => {
  await using site = await withHost();
  await site.feed(SITE_SCOPE, 5, [
    hostRow("host-00000002", 5, { desiredState: "HOST_STATE_LEVITATING" }),
    hostRow("host-00000003", 5, { siteId: "site-0000dead" }),
    hostRow("host-00000004", 5),
  ]);
  expect(await parked(site)).toEqual([
    expect.stringMatching(/^host-00000002: desiredState/),
    "host-00000003: site_resource not found",
  ]);
  expect(await site.get(Host, "host-00000004")).toBeDefined();
});

test("while a large scope is taken others get their turn, and none of it shows before all of it does", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  const ids = Array.from({ length: 1_000 }, (_, number) => `host-${(0x10000000 + number).toString(16)}`);
  const taken = { is: false };
  const seen: number[] = [];
  const take = async (changes: FeedChange[]) => {
    taken.is = false;
    const whole = site.feed(SITE_SCOPE, 2_000, changes, { snapshot: true }).finally(() => {
      taken.is = true;
    });
    for (let turns = 0; ; turns += 1) {
      await nextTurn();
      const { total } = await site.store.read((view) => view.list(Host, { tenant: TENANT, limit: 1 }));
      if (taken.is) return whole.then(() => turns);
      seen.push(total);
    }
  };
  expect(await take(ids.map((id, number) => hostRow(id, number + 2)))).toBeGreaterThan(25);
  expect(new Set(seen)).toEqual(new Set([0]));
  expect(await take([])).toBeGreaterThan(9);
  expect(new Set(seen)).toEqual(new Set([0, 1_000]));
  expect((await site.store.read((view) => view.list(Host, { tenant: TENANT }))).total).toBe(0);
});

test("a row that has to wait holds up none of those that come with it", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  const [before, waits, after] = ["host-00000001", "host-00000002", "host-00000003"];
  await site.feed(SITE_SCOPE, 4, [
    hostRow(before, 2),
    hostRow(waits, 3, { providerId: "provider-0000000b" }),
    hostRow(after, 4),
  ]);
  expect(await parked(site)).toEqual([expect.stringMatching(`^${waits}: `)]);
  expect(await site.get(Host, before)).toBeDefined();
  expect(await site.get(Host, waits)).toBeUndefined();
  expect(await site.get(Host, after)).toBeDefined();
});

test("what is gone from its scope stays shown until nothing refers to it any more", async () => {
  await using site = await withHost();
  await site.feed(TENANT_SCOPE, 4, [row("operating_system", "os-00000001", 4, OS)]);
  await site.feed(SITE_SCOPE, 5, [
    row("instance", "inst-00000001", 5, { hostID: HOST, osID: "os-00000001" }, { owner: SITE }),
  ]);
  await site.feed(TENANT_SCOPE, 7, [gone("operating_system", "os-00000001")]);
  expect(await site.get(OperatingSystem, "os-00000001")).toBeDefined();
  await site.feed(SITE_SCOPE, 8, [gone("host", HOST), gone("instance", "inst-00000001")]);
  expect(await site.get(OperatingSystem, "os-00000001")).toBeUndefined();
  expect(await site.get(Host, HOST)).toBeUndefined();
});

test("names that two rows exchanged through a third arrive whole", async () => {
  await using site = await TestSite.open();
  const os = (id: string, seq: number, name: string) => row("operating_system", id, seq, { ...OS, name, imageId: id });
  await site.feed(TENANT_SCOPE, 2, [os("os-00000001", 1, "x"), os("os-00000002", 2, "y")]);
  await site.feed(TENANT_SCOPE, 5, [os("os-00000001", 4, "y"), os("os-00000002", 5, "x")]);
  expect(await parked(site)).toEqual([]);
  expect((await site.get(OperatingSystem, "os-00000001"))?.fields.name).toBe("y");
  expect((await site.get(OperatingSystem, "os-00000002"))?.fields.name).toBe("x");
});

test.each([
  ["a kind that this version does not know", row("teapot", "teapot-1", 3, { spout: true }), "teapot-1"],
  [
    "a value that this version does not know",
    hostRow(HOST, 3, { name: "new", desiredState: "HOST_STATE_ASLEEP" }),
    HOST,
  ],
  [
    "a body that is no resource",
    { is: "row" as const, kind: "host", id: HOST, seq: 3, body: '{"no":"resource"}' },
    HOST,
  ],
  ["a body that is not JSON", { is: "row" as const, kind: "host", id: HOST, seq: 3, body: "{" }, HOST],
])("%s waits, the site goes on with what it had, and the feed goes on", async (_what, change, id) => {
  await using site = await withHost();
  await site.feed(SITE_SCOPE, 4, [change, hostRow("host-00000002", 4)]);
  expect(await parked(site)).toEqual([expect.stringContaining(id)]);
  expect((await site.get(Host, HOST))?.fields.name).toBe(HOST);
  expect(await site.get(Host, "host-00000002")).toBeDefined();
  expect(await position(site, SITE_SCOPE)).toMatchObject({ seq: 4 });
});

test("a field that this version does not know does no harm and is kept", async () => {
  await using site = await withHost({ colour: "red" });
  const { body } = await site.store.read((view) =>
    siteTables(view).selectFrom("replica_row").select("body").where("id", "=", HOST).executeTakeFirstOrThrow(),
  );
  expect(JSON.parse(body ?? "")).toMatchObject({ fields: { colour: "red" } });
  expect(await parked(site)).toEqual([]);
});

test("a snapshot replaces the slice at once: what it does not name is gone, observations stay", async () => {
  await using site = await withHost();
  await site.feed(SITE_SCOPE, 3, [hostRow("host-00000002", 3)]);
  await site.write((transaction) =>
    observe(transaction, { outbox: site.outbox, of: OF, now: 5 }, { id: HOST, seen: { fields: { cpuModel: "6502" } } }),
  );
  await site.feed(SITE_SCOPE, 7, [hostRow(HOST, 6, { name: "again" })], { snapshot: true, handle: "h2" });
  expect((await site.get(Host, HOST))?.fields).toMatchObject({ name: "again", cpuModel: "6502" });
  expect(await site.get(Host, "host-00000002")).toBeUndefined();
  expect(await site.get(Site, SITE)).toBeDefined();
  expect(await position(site, SITE_SCOPE)).toMatchObject({ handle: "h2", seq: 7 });
});

test("of a machine that this site manages no more nothing is shown as it is now, nor when it is claimed again (rule 13)", async () => {
  await using site = await withHost();
  const seen = { fields: { cpuModel: "6502" }, statuses: { hostStatus: RUNNING } };
  await site.write((transaction) => observe(transaction, { outbox: site.outbox, of: OF, now: 5 }, { id: HOST, seen }));
  await site.feed(TENANT_SCOPE, 4, [row("host", HOST, 4, { name: HOST, desiredState: "HOST_STATE_ONBOARDED" })]);
  await site.feed(SITE_SCOPE, 3, [gone(Host.name, HOST)]);
  const shown = { hostStatus: "Not Connected", hostStatusIndicator: "STATUS_INDICATION_UNSPECIFIED" };
  expect((await site.get(Host, HOST))?.fields).toMatchObject({ ...shown, cpuModel: "6502" });
  const claim = { id: HOST, field: "siteId", value: SITE, actor: "operator:a" };
  await site.write((transaction) => site.intents.edit(transaction, OF, Host, claim));
  expect(await site.get(Host, HOST)).toMatchObject({ owner: SITE, fields: shown });
});

test("a local intent shows until the replica has reached the position that its outcome names", async () => {
  await using site = await withHost();
  const intent = await rename(site, "till");
  expect(await site.get(Host, HOST)).toMatchObject({ generation: 3, fields: { name: "till" } });

  // The hub's older word arrives first, then the outcome, then the row that shows it.
  await site.feed(SITE_SCOPE, 4, [hostRow(HOST, 4, { note: "hub's" })]);
  expect((await site.get(Host, HOST))?.fields).toMatchObject({ name: "till", note: "hub's" });
  await outcome(site, intent, "applied", 6);
  expect((await site.get(Host, HOST))?.fields.name).toBe("till");
  await site.feed(SITE_SCOPE, 5, [hostRow(HOST, 5, { note: "more" })]);
  expect((await site.get(Host, HOST))?.fields.name).toBe("till");

  await site.feed(SITE_SCOPE, 6, [hostRow(HOST, 6, { name: "till" })]);
  expect((await site.get(Host, HOST))?.stamps.name?.id).toBe("w6-name");
});

test("a resource was changed when it was changed last, by the hub or at the site", async () => {
  await using site = await withHost();
  await rename(site, "till");
  const [intent] = await site.store.read((view) => siteTables(view).selectFrom("local_intent").select("at").execute());
  const at = intent?.at ?? 0;
  expect((await site.get(Host, HOST))?.updatedAt).toBe(at);
  await site.feed(SITE_SCOPE, 4, [hostRow(HOST, 4, {}, { updatedAt: at + 1_000 })]);
  expect(await site.get(Host, HOST)).toMatchObject({ updatedAt: at + 1_000, fields: { name: "till" } });
});

test("a field that the hub shows no more is not shown here, and what the site has observed is", async () => {
  await using site = await withHost({ note: "till" });
  await site.write((transaction) =>
    observe(transaction, { outbox: site.outbox, of: OF, now: 5 }, { id: HOST, seen: { fields: { cpuModel: "6502" } } }),
  );
  await site.feed(SITE_SCOPE, 4, [hostRow(HOST, 4)]);
  const fields = (await site.get(Host, HOST))?.fields;
  expect(fields?.note).toBeUndefined();
  expect(fields?.cpuModel).toBe("6502");
});

test("an edit that became a conflict gives way to the hub's value where the replica has reached it", async () => {
  await using site = await withHost();
  const intent = await rename(site, "ours");
  await outcome(site, intent, "conflict", 5);
  expect((await site.get(Host, HOST))?.fields.name).toBe("ours");
  await site.feed(SITE_SCOPE, 5, [hostRow(HOST, 5, { name: "theirs" })]);
  expect((await site.get(Host, HOST))?.fields.name).toBe("theirs");
});

test("an edit that the hub could not read is shown as refused, and not as done", async () => {
  await using site = await withHost();
  await outcome(site, await rename(site, "ours"), "quarantined");
  expect((await site.get(Host, HOST))?.fields.name).toBe(HOST);
  const left = await site.store.read((view) => siteTables(view).selectFrom("local_intent").select("outcome").execute());
  expect(left).toEqual([{ outcome: "quarantined" }]);
});

test("a local edit names the stamp its author saw, be it an earlier local one", async () => {
  await using site = await withHost();
  const first = await rename(site, "one");
  await rename(site, "two");
  const bases = await site.store.read((view) => siteTables(view).selectFrom("local_intent").select("base").execute());
  expect(bases.map(({ base }) => base)).toEqual(["w2-name", first]);
});

test("a host that the site claimed stays while it leaves one scope and has not come into the other", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 3, [siteRow(), row("host", HOST, 3, { name: "free" })]);
  await site.write((transaction) =>
    site.intents.edit(transaction, OF, Host, { id: HOST, field: "siteId", value: SITE, actor: "site" }),
  );
  expect(await site.get(Host, HOST)).toMatchObject({ owner: SITE, fields: { siteId: SITE } });
  await site.feed(TENANT_SCOPE, 5, [gone("host", HOST)]);
  expect(await site.get(Host, HOST)).toMatchObject({ owner: SITE });
  await site.feed(SITE_SCOPE, 5, [hostRow(HOST, 5)]);
  expect(await site.get(Host, HOST)).toMatchObject({ owner: SITE, fields: { name: HOST } });
});

test("rows that are no resources wait for nothing; those of an unknown kind wait since they first came (rule 23)", async () => {
  await using site = await TestSite.open();
  const row = (kind: string, id: string) => ({ is: "row" as const, kind, id, seq: 1, body });
  const body = JSON.stringify({ tenant: TENANT, tokenHash: "h", notAfter: 1 });
  const rows = [row("tenant", TENANT), row("enrolment", "e-1"), row("toaster", "t-1")];
  await site.feed(TENANT_SCOPE, 1, rows);
  const parked = () =>
    site.store.read((view) =>
      siteTables(view)
        .selectFrom("replica_row")
        .select(["kind", "parked_at"])
        .where("parked", "is not", null)
        .execute(),
    );
  expect(await parked()).toEqual([{ kind: "toaster", parked_at: 1_000 }]);
  await site.write((tx) =>
    applyBatch(
      tx,
      OF,
      { ...{ scope: TENANT_SCOPE, handle: "h1", position: "2_0" }, snapshot: true, changes: rows },
      9_000,
    ),
  );
  expect(await parked()).toEqual([{ kind: "toaster", parked_at: 1_000 }]);
});

test("a creation under an id that the hub knows as another resource gives way to that one (rule 16)", async () => {
  await using site = await withHost();
  const fields = { name: "made-here", siteId: SITE, desiredState: "HOST_STATE_ONBOARDED" };
  const made = { id: "host-000000ff", creation: "machine", actor: `site:${SITE}`, fields };
  const intent = await site.write((transaction) => site.intents.create(transaction, OF, Host, made));
  await outcome(site, intent, "conflict", 5);
  await site.feed(SITE_SCOPE, 4, []);
  expect((await site.get(Host, made.id))?.fields.name).toBe("made-here");
  await site.feed(SITE_SCOPE, 5, [hostRow(made.id, 4, { name: "another" }), hostRow(HOST, 5)]);
  expect(await site.get(Host, made.id)).toMatchObject({ updatedAt: 4, fields: { name: "another" } });
  const left = await site.store.read((view) => siteTables(view).selectFrom("local_intent").selectAll().execute());
  expect(left).toEqual([]);
});

test("a host that the feed shows before the hub's word is heard that it is the one made here comes in with that word (rules 5, 12)", async () => {
  await using site = await withHost();
  const fields = { name: "made-here", siteId: SITE, serialNumber: "SN00042" };
  const made = { id: "host-000000ff", creation: "c-ff", actor: "operator:a", fields };
  const intent = await site.write((transaction) => site.intents.create(transaction, OF, Host, made));
  await site.feed(SITE_SCOPE, 5, [hostRow("host-00000002", 5, { serialNumber: "SN00042" })]);
  expect(await parked(site)).toEqual([expect.stringContaining("host-00000002")]);
  await outcome(site, intent, "applied", 5);
  expect(await site.get(Host, made.id)).toBeUndefined();
  expect(await site.get(Host, "host-00000002")).toBeDefined();
  expect(await parked(site)).toEqual([]);
});

test.each(["conflict", "quarantined"] as const)(
  "an instance that the hub turned down (%s) does not keep a host that has gone elsewhere (rules 14, 15)",
  async (result) => {
    await using site = await withHost();
    await site.feed(TENANT_SCOPE, 3, [row("operating_system", "os-00000001", 3, OS)]);
    const fields = { hostID: HOST, osID: "os-00000001", desiredState: "INSTANCE_STATE_RUNNING" };
    const made = { id: "inst-00000009", creation: "c-9", actor: "operator:a", fields };
    const intent = await site.write((transaction) => site.intents.create(transaction, OF, Instance, made));
    expect(await site.get(Instance, "inst-00000009")).toBeDefined();
    await outcome(site, intent, result, result === "conflict" ? 5 : undefined);
    await site.feed(SITE_SCOPE, 5, [gone("host", HOST)]);
    expect(await site.get(Instance, "inst-00000009")).toBeUndefined();
    expect(await site.get(Host, HOST)).toBeUndefined();
    expect(await parked(site)).toEqual([]);
  },
);
