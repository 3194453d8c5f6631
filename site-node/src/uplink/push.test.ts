import { Host } from "@holdfast/protocol/kinds/host";
import { batchTakesAtMost, type UplinkBatch } from "@holdfast/protocol/uplink";
import { type Clock, silentLog, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { readSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { observe } from "../hosts/observe.ts";
import { idsLeft } from "../outbox/id-pool.ts";
import { seal } from "../outbox/seal.ts";
import { hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { HubLink } from "./hub-link.ts";
import { Pusher, startPush } from "./push.ts";

const HOST = "host-00000001";
type Answer = (batch: UplinkBatch) => { status: number; body: unknown };

/** A hub that answers as told, and remembers what it was sent. */
function hubThat(answer: Answer) {
  const sent: string[] = [];
  const carry: typeof fetch = async (_input, init) => {
    sent.push(String(init?.body));
    const { status, body } = answer(JSON.parse(String(init?.body)));
    return new Response(JSON.stringify(body), { status });
  };
  return { sent, fetch: carry };
}

const acknowledges: Answer = (batch) => ({
  status: 200,
  body: { stream: batch.stream, cursor: batch.first + batch.entries.length - 1, outcomes: [] },
});

async function siteWithHost(): Promise<TestSite> {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  return site;
}

const seeHost = (site: TestSite) =>
  site.write((transaction) =>
    observe(transaction, { outbox: site.outbox, of: OF, now: 5 }, { id: HOST, seen: { fields: { cpuModel: "6502" } } }),
  );

function options(site: TestSite, carry: typeof fetch) {
  const link = new HubLink({ hubUrl: "http://hub", token: "token-of-the-site", fetch: carry, clock: systemClock });
  const { store, outbox } = site;
  return { store, outbox, link, site: SITE, tenant: TENANT, clock: systemClock, log: silentLog };
}

const push = (site: TestSite, answer: Answer) => {
  const hub = hubThat(answer);
  const run = () => new Pusher(options(site, hub.fetch)).pushOne(new AbortController().signal);
  return { ...hub, run };
};

const streamOf = (site: TestSite) => site.store.read((view) => readSetting(view, "stream"));
const unsent = (site: TestSite) => site.store.read((view) => site.outbox.level(view));

test("a batch goes out the same to the byte until it is acknowledged, also after a restart", async () => {
  await using site = await siteWithHost();
  const failing = push(site, () => ({ status: 503, body: {} }));
  await expect(failing.run()).rejects.toThrow("503");
  await site.write((transaction) => site.outbox.event(transaction, { kind: "host", subject: HOST, event: "later" }));
  await expect(failing.run()).rejects.toThrow("503");
  await site.reopen();
  const hub = push(site, acknowledges);
  await hub.run();
  expect(hub.sent).toEqual([failing.sent[0]]);
  expect(failing.sent[1]).toBe(failing.sent[0]);
  expect((await unsent(site)).entries).toBe(1);
});

test.each<[string, Answer]>([
  ["falls short of the batch", (batch) => ({ status: 200, body: { stream: batch.stream, cursor: 0, outcomes: [] } })],
  [
    "is of another stream",
    (batch) => ({
      status: 200,
      body: { stream: { ...batch.stream, incarnation: 1 }, cursor: batch.entries.length, outcomes: [] },
    }),
  ],
  ["is no reply", () => ({ status: 200, body: { hello: "world" } })],
  ["is not JSON", () => ({ status: 200, body: "<html>" })],
])("an acknowledgement that %s acknowledges nothing", async (_what, answer) => {
  await using site = await siteWithHost();
  const hub = push(site, answer);
  await expect(hub.run()).rejects.toThrow();
  const again = push(site, acknowledges);
  await again.run();
  expect(again.sent).toEqual(hub.sent);
});

test.each(["gap", "forked", "incarnation"] as const)(
  "refused for reason %s, the site begins a greater incarnation and loses nothing",
  async (reason) => {
    await using site = await siteWithHost();
    await seeHost(site);
    await site.write((transaction) =>
      site.intents.edit(transaction, OF, Host, { id: HOST, field: "name", value: "till", actor: "a" }),
    );
    const before = await streamOf(site);
    const above = 5_000_000_000;
    const refusal = { code: "Aborted", message: "no", reason, epoch: OF.epoch, incarnation: above, expected: 7 };
    await expect(push(site, () => ({ status: 409, body: refusal })).run()).rejects.toThrow(reason);
    expect(await streamOf(site)).toMatchObject({ epoch: OF.epoch, incarnation: above + 1, next: 1, previous: "" });
    expect(before?.incarnation).toBeLessThan(above);
    const hub = push(site, acknowledges);
    await hub.run();
    const { entries, first } = JSON.parse(hub.sent[0] ?? "") as UplinkBatch;
    expect(first).toBe(1);
    expect(entries).toContainEqual(expect.objectContaining({ type: "edit", value: "till", base: "w2-name" }));
    expect(entries).toContainEqual(expect.objectContaining({ type: "state", id: HOST }));
  },
);

test.each([
  ["another status", 503, {}],
  ["another shape", 409, { epoch: 5 }],
])("what is like a refusal but of %s begins no stream", async (_what, status, more) => {
  await using site = await siteWithHost();
  const before = await streamOf(site);
  const refusal = { code: "Aborted", message: "no", reason: "epoch", epoch: "epoch-2", incarnation: 0, expected: 1 };
  await expect(push(site, () => ({ status, body: { ...refusal, ...more } })).run()).rejects.toThrow(String(status));
  expect(await streamOf(site)).toMatchObject({ epoch: before?.epoch, incarnation: before?.incarnation });
});

test("refused for its epoch, the site goes over to the hub's in the same incarnation", async () => {
  await using site = await siteWithHost();
  const before = await streamOf(site);
  const refusal = { code: "Aborted", message: "no", reason: "epoch", epoch: "epoch-2", incarnation: 0, expected: 1 };
  await expect(push(site, () => ({ status: 409, body: refusal })).run()).rejects.toThrow("epoch");
  expect(await streamOf(site)).toMatchObject({ epoch: "epoch-2", incarnation: before?.incarnation, next: 1 });
});

test("lent ids do not outlive the stream they were lent in", async () => {
  await using site = await siteWithHost();
  const lends: Answer = (batch) => {
    const { body, status } = acknowledges(batch) as { status: number; body: object };
    return { status, body: { ...body, ids: { first: 100, count: batch.wantIds } } };
  };
  await push(site, lends).run();
  expect(await site.store.read(idsLeft)).toBe(64);
  await site.write((transaction) => site.outbox.event(transaction, { kind: "host", subject: HOST, event: "x" }));
  const refusal = { code: "Aborted", message: "no", reason: "forked", epoch: OF.epoch, incarnation: 1, expected: 1 };
  await expect(push(site, () => ({ status: 409, body: refusal })).run()).rejects.toThrow();
  expect(await site.store.read(idsLeft)).toBe(0);
});

test("a batch that the hub finds too large comes again in smaller ones, in the same stream: nothing was lost (rules 7, 21)", async () => {
  await using site = await siteWithHost();
  const before = await streamOf(site);
  const detail = { text: "x".repeat(40_000) };
  for (let each = 0; each < 10; each += 1) {
    await site.write((transaction) =>
      site.outbox.event(transaction, { kind: "host", subject: HOST, event: "big", detail }),
    );
  }
  const [seen, firsts]: [number[], number[]] = [[], []];
  const hub = hubThat((batch) => {
    const size = JSON.stringify(batch).length;
    if (size > 250_000) return { status: 413, body: {} };
    seen.push(batch.entries.length);
    firsts.push(batch.first);
    return acknowledges(batch);
  });
  const running = startPush(options(site, hub.fetch));
  await running.drained();
  await running.close();
  expect(seen.length).toBeGreaterThan(1);
  expect(firsts).toEqual(seen.map((_, index) => 1 + seen.slice(0, index).reduce((sum, entries) => sum + entries, 0)));
  const { epoch, incarnation } = before ?? {};
  expect(await streamOf(site)).toMatchObject({ epoch, incarnation });
  expect((await unsent(site)).entries).toBe(0);
});

test("the larger a batch, the longer its answer is waited for: over a slow link it is on its way for minutes", async () => {
  await using site = await siteWithHost();
  const waits: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep(milliseconds, signal) {
      waits.push(milliseconds);
      return systemClock.sleep(milliseconds, signal);
    },
  };
  const { link: _, ...rest } = options(site, fetch);
  const event = (text: string) =>
    site.write((transaction) =>
      site.outbox.event(transaction, { kind: "host", subject: HOST, event: "e", detail: { text } }),
    );
  const pushed = async () => {
    const hub = hubThat(acknowledges);
    const link = new HubLink({ hubUrl: "http://hub", token: "token-of-the-site", fetch: hub.fetch, clock });
    await new Pusher({ ...rest, link }).pushOne(new AbortController().signal);
    return { bytes: Buffer.byteLength(hub.sent[0] ?? ""), wait: waits.splice(0) };
  };
  const small = await pushed();
  for (let at = 0; at < 10; at += 1) await event("x".repeat(100_000));
  const large = await pushed();
  expect(large.bytes).toBeGreaterThan(800_000);
  expect([small.wait, large.wait]).toEqual([[batchTakesAtMost(small.bytes)], [batchTakesAtMost(large.bytes)]]);
  // At 4 kB a second.
  expect(large.wait[0]).toBeGreaterThan((large.bytes / 4_096) * 1_000);
});

test("entries are sealed in lanes, within the bounds, and what is of no use any more is left out", async () => {
  await using site = await siteWithHost();
  await seeHost(site);
  await site.write(async (transaction) => {
    await site.outbox.event(transaction, { kind: "host", subject: HOST, event: "first-added" });
    await site.outbox.touch(transaction, "host", "host-0000dead");
    await site.outbox.touch(transaction, "host", HOST);
    await site.intents.edit(transaction, OF, Host, { id: HOST, field: "name", value: "n", actor: "a" });
    await site.outbox.add(transaction, { type: "enrolment-used", id: "e", hostId: HOST, at: 1 });
  });
  const batch = await site.write((transaction) => seal(transaction, { site: SITE, tenant: TENANT, now: 1 }));
  const { entries } = JSON.parse(batch?.body ?? "") as { entries: { type: string }[] };
  expect(entries.map(({ type }) => type)).toEqual(["enrolment-used", "edit", "state", "event", "event"]);
  const left = await site.store.read((view) => siteTables(view).selectFrom("outbox").select("sealed").execute());
  expect(left.every(({ sealed }) => sealed === 1)).toBe(true);
});

test("in a new stream intents come in the order they were made, each once, be they acknowledged before or not", async () => {
  await using site = await siteWithHost();
  const edit = (value: string) =>
    site.write((transaction) =>
      site.intents.edit(transaction, OF, Host, { id: HOST, field: "name", value, actor: "a" }),
    );
  await edit("one");
  const applies: Answer = (batch) => {
    const { status, body } = acknowledges(batch) as { status: number; body: object };
    const outcomes = (batch.entries as { intent?: string }[]).flatMap(({ intent }, seq) =>
      intent ? [{ seq: seq + 1, intent, result: "applied", at: { scope: SITE_SCOPE, seq: 99 } }] : [],
    );
    return { status, body: { ...body, outcomes } };
  };
  await push(site, applies).run();
  // What waits to be seen in the feed is shown as the site's own, in this life of its hub.
  expect((await site.get(Host, HOST))?.stamps.name?.epoch).toBe(OF.epoch);
  await edit("two");
  const refusal = { code: "Aborted", message: "no", reason: "epoch", epoch: "epoch-2", incarnation: 0, expected: 1 };
  await expect(push(site, () => ({ status: 409, body: refusal })).run()).rejects.toThrow();
  const hub = push(site, acknowledges);
  await hub.run();
  const { entries } = JSON.parse(hub.sent[0] ?? "") as { entries: { type: string; value?: string }[] };
  expect(entries.flatMap(({ type, value }) => (type === "edit" ? [value] : []))).toEqual(["one", "two"]);
});
