import { Host } from "@holdfast/protocol/kinds/host";
import { Region } from "@holdfast/protocol/kinds/region";
import { expect, test } from "vitest";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { observe } from "../hosts/observe.ts";
import { acknowledge } from "../outbox/reply.ts";
import { seal } from "../outbox/seal.ts";
import { startStream } from "../outbox/stream.ts";
import { hostRow, OF, row, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { listening, mayActuate, readPhase } from "./phase.ts";

const HOST = "host-00000001";
const WHOLE = { snapshot: true, handle: "h2" };

async function settledSite(): Promise<TestSite> {
  const site = await TestSite.open();
  await site.hear(TENANT_SCOPE, 1, [siteRow()], { snapshot: true });
  await site.hear(SITE_SCOPE, 9, [hostRow(HOST, 9)], { snapshot: true });
  const seen = { id: HOST, seen: { fields: { cpuModel: "6502" } } };
  await site.write((transaction) => observe(transaction, { outbox: site.outbox, of: OF, now: 5 }, seen));
  await pushAll(site);
  return site;
}

const begin = (site: TestSite, epoch: string, reason: "epoch" | "forked" = "epoch") =>
  site.write((transaction) =>
    startStream(transaction, site.outbox, { epoch, reason, site: SITE, tenant: TENANT, now: 5_000 }),
  );

/** Sends one batch, small enough that a push takes several; returns the types of its entries. */
async function pushOne(site: TestSite, { position = 100, batchBytes = 3_300 } = {}): Promise<string[]> {
  const batch = await site.write((transaction) =>
    seal(transaction, { site: SITE, tenant: TENANT, now: 1, batchBytes }),
  );
  if (!batch) return [];
  const { stream, first, entries } = JSON.parse(batch.body);
  const reply = { stream, cursor: first + entries.length - 1, outcomes: [], position };
  await site.write((transaction) => acknowledge(transaction, OF, { batch, reply, now: 1 }));
  return entries.map(({ type }: { type: string }) => type);
}

async function pushAll(
  site: TestSite,
  after: (sent: readonly string[]) => Promise<void> = async () => undefined,
): Promise<string[]> {
  const sent: string[] = [];
  for (;;) {
    const types = await pushOne(site);
    if (types.length === 0) return sent;
    sent.push(...types);
    await after(sent);
  }
}

const phase = (site: TestSite) => site.store.read(readPhase);
const may = (site: TestSite) => site.store.read(mayActuate);

test("told that the hub is in another life, a site takes nothing until it has said all that it holds (rule 20)", async () => {
  await using site = await settledSite();
  expect(await may(site)).toBe(true);
  await begin(site, "epoch-2");
  expect(await phase(site)).toEqual({ is: "recovering", epoch: "epoch-2" });
  expect(await may(site)).toBe(false);
  expect(await site.hear(SITE_SCOPE, 50, [], WHOLE)).toEqual({ is: "refused", why: "recovering" });
  expect(await site.get(Host, HOST)).toBeDefined();

  const sent = await pushAll(site);
  expect(sent.slice(0, 3)).toEqual(["replica-row", "replica-row", "recovered"]);
  expect(sent.slice(3)).toContain("state");
  expect(await phase(site)).toEqual({ is: "following", minimum: 100 });
  expect(await may(site)).toBe(false);

  expect(await site.hear(TENANT_SCOPE, 150, [siteRow()], WHOLE)).toMatchObject({ is: "applied", settled: false });
  expect(await may(site)).toBe(false);
  expect(await site.hear(SITE_SCOPE, 150, [hostRow(HOST, 150)], WHOLE)).toMatchObject({ settled: true });
  expect(await may(site)).toBe(true);
});

test("a crash after any step of a recovery goes on where it was (rule 20)", async () => {
  await using site = await settledSite();
  for (let id = 2; id < 12; id += 1)
    await site.feed(TENANT_SCOPE, id, [row("region", `region-0000000${id % 10}`, id, { name: `r${id}` })]);
  await begin(site, "epoch-2");
  await site.reopen();
  let batches = 0;
  const sent = await pushAll(site, async (said) => {
    batches += 1;
    await site.reopen();
    expect((await phase(site)).is).toBe(said.includes("recovered") ? "following" : "recovering");
    expect(await may(site)).toBe(false);
  });
  expect(batches).toBeGreaterThan(2);
  expect(sent.filter((type) => type === "recovered")).toHaveLength(1);
  expect(sent.indexOf("recovered")).toBe(sent.filter((type) => type === "replica-row").length);
  await site.hear(TENANT_SCOPE, 150, [siteRow()], WHOLE);
  await site.reopen();
  await site.hear(SITE_SCOPE, 150, [hostRow(HOST, 150)], WHOLE);
  await site.reopen();
  expect(await phase(site)).toEqual({ is: "settled" });
});

test("yet another life in the middle of a push begins the push anew (rule 20)", async () => {
  await using site = await settledSite();
  await site.feed(TENANT_SCOPE, 2, [row("region", "region-00000001", 2, { name: "north", note: "x".repeat(900) })]);
  await begin(site, "epoch-2");
  expect(await pushOne(site)).not.toContain("recovered");
  await begin(site, "epoch-3");
  const sent = await pushAll(site);
  expect(sent.slice(0, 4)).toEqual(["replica-row", "replica-row", "replica-row", "recovered"]);
  expect(await phase(site)).toEqual({ is: "following", minimum: 100 });
  expect(await site.store.read((view) => readSetting(view, "lineage"))).toEqual(["epoch-1", "epoch-2", "epoch-3"]);
});

test("what was refused in the middle of a push is pushed again in the greater incarnation (rules 7, 20)", async () => {
  await using site = await settledSite();
  await begin(site, "epoch-2");
  await begin(site, "epoch-2", "forked");
  expect(await phase(site)).toEqual({ is: "recovering", epoch: "epoch-2" });
  expect((await pushAll(site)).slice(0, 3)).toEqual(["replica-row", "replica-row", "recovered"]);
});

test("an answer that was asked for before the site began to listen anew is not taken (rule 20)", async () => {
  await using site = await settledSite();
  await begin(site, "epoch-2");
  const asked = await site.store.read(listening);
  await pushAll(site);
  const late = await site.hear(SITE_SCOPE, 150, [], { ...WHOLE, asked });
  expect(late).toEqual({ is: "refused", why: "outdated" });
  expect(await site.get(Host, HOST)).toBeDefined();
});

test("in a new incarnation nothing is begun until both scopes were heard after the hub knew of it (rules 7, 21)", async () => {
  await using site = await settledSite();
  await begin(site, "epoch-1", "forked");
  expect(await phase(site)).toEqual({ is: "following", minimum: null });
  // What comes before the hub's word is shown, and says nothing of holds.
  await site.hear(SITE_SCOPE, 10, [hostRow(HOST, 10, { name: "newer" })]);
  await site.hear(TENANT_SCOPE, 10, []);
  expect((await site.get(Host, HOST))?.fields.name).toBe("newer");
  expect(await may(site)).toBe(false);
  await pushOne(site);
  await site.hear(SITE_SCOPE, 10, []);
  expect(await may(site)).toBe(false);
  await site.hear(TENANT_SCOPE, 10, []);
  expect(await may(site)).toBe(true);
});

test("within a life of the hub no slice puts the replica back: it serves on and remembers what came (rule 20)", async () => {
  await using site = await settledSite();
  expect(await site.hear(SITE_SCOPE, 5, [], WHOLE)).toEqual({ is: "refused", why: "behind" });
  expect(await site.get(Host, HOST)).toBeDefined();
  const behind = () => site.store.read((view) => readSetting(view, "behind"));
  expect(await behind()).toEqual({ scope: SITE_SCOPE, had: 9, came: 5, at: 1_000 });
  await site.hear(SITE_SCOPE, 10, [hostRow(HOST, 9)], WHOLE);
  expect(await behind()).toBeNull();
});

test.each([
  ["of another log", 12, { handle: "h9" }, "elsewhere", undefined],
  ["that ends before the replica", 8, {}, "behind", { scope: SITE_SCOPE, had: 9, came: 8, at: 1_000 }],
])("an answer %s is not taken, and remembered where it would put the replica back (rule 20)", async (...given) => {
  const [, seq, more, why, behind] = given;
  await using site = await settledSite();
  expect(await site.hear(SITE_SCOPE, seq, [hostRow(HOST, seq)], more)).toEqual({ is: "refused", why });
  expect(await site.store.read((view) => readSetting(view, "behind"))).toEqual(behind);
});

test("a row that comes again does not put back a newer one (rule 20)", async () => {
  await using site = await settledSite();
  await site.hear(SITE_SCOPE, 12, [hostRow(HOST, 12, { name: "newer" })]);
  await site.hear(SITE_SCOPE, 12, [hostRow(HOST, 9)]);
  expect((await site.get(Host, HOST))?.fields.name).toBe("newer");
});

test("what another life of the hub does not name any more goes only after it was told (rule 20)", async () => {
  await using site = await settledSite();
  await site.feed(TENANT_SCOPE, 2, [row("region", "region-00000001", 2, { name: "north" })]);
  await begin(site, "epoch-2");
  await pushAll(site);
  expect(await site.get(Region, "region-00000001")).toBeDefined();
  await site.hear(TENANT_SCOPE, 150, [siteRow()], WHOLE);
  expect(await site.get(Region, "region-00000001")).toBeUndefined();
});

test("a home of a version that knew no phases goes on as it was", async () => {
  await using site = await settledSite();
  await site.write((transaction) =>
    siteTables(transaction)
      .deleteFrom("setting" as never)
      .where("name" as never, "=", "site-node:phase" as never)
      .execute(),
  );
  expect(await phase(site)).toEqual({ is: "settled" });
});
