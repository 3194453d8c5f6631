import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "@holdfast/protocol/messages";
import type { Order } from "@holdfast/protocol/orders";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testAgent } from "./testing/agents.ts";
import { startSite, type TestSite } from "./testing/site.ts";
import { until } from "./testing/until.ts";

let site: TestSite;
beforeEach(async () => {
  site = await startSite();
});
afterEach(() => site.close());

const LATER = Date.UTC(2030, 0);
let asked = 0;

const power = (id: string, more: Partial<Order> = {}) =>
  site.order({
    ...{ id, type: "power", notAfter: LATER },
    arguments: JSON.stringify({ id, action: "reset", manner: "orderly" }),
    ...more,
  });

async function call(order: string | undefined, said = '{"id":"unsigned","action":"off","manner":"at-once"}') {
  asked += 1;
  const leaf = `res/o${asked}`;
  const message = { arguments: said, notAfter: LATER, ...(order !== undefined && { order }) };
  await site.say(`req/o${asked}/power`, encode("Call", message));
  await until(() => site.of(leaf).length > 0, "the answer");
  return site.messages("CallResult", leaf)[0];
}

async function job(id: string, signed: string, type = "update") {
  const signature = Buffer.from(signed);
  await site.say("jobs/next", encode("Job", { id, type, arguments: "{}", notAfter: LATER, signature }), true);
  await until(() => site.of(`jobs/${id}/status`).length > 0, `the answer to ${id}`);
  return site.messages("JobStatus", `jobs/${id}/status`).at(-1);
}

async function connected() {
  const done: string[] = [];
  const one = testAgent(
    site,
    { allowPower: true },
    { power: async ({ action, manner }) => void done.push(`${action} ${manner}`) },
  );
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  const restart = async () => {
    await one.agent.cut();
    const next = one.again();
    await next.start();
    await until(() => next.status.session !== undefined, "connected again");
  };
  return { one, done, restart, [Symbol.asyncDispose]: () => one[Symbol.asyncDispose]() };
}

test("what is signed is done, whatever is said beside it, and not again after a restart", async () => {
  await using it = await connected();
  const order = await power("order-1");
  expect(await call(order)).toMatchObject({ ok: true, value: '{"id":"order-1","repeated":false}' });
  await until(() => it.done.length === 1, "the reset");
  expect(await call(order)).toMatchObject({ ok: true, value: '{"id":"order-1","repeated":true}' });
  await it.restart();
  expect(await call(order)).toMatchObject({ ok: true, value: '{"id":"order-1","repeated":true}' });
  expect(it.done).toEqual(["reset orderly"]);
});

test.each<[string, () => Promise<string | undefined>, RegExp]>([
  ["not signed", async () => undefined, /not signed by the site/],
  ["no signature at all", async () => "a.b.c", /not signed by the site/],
  ["for another machine", () => power("x", { host: "host-ffffffff" }), /is for host-ffffffff/],
  ["of another site", () => power("x", { site: "site-ffffffff" }), /is of site-ffffffff/],
  ["too late", () => power("x", { notAfter: Date.UTC(2020, 0) }), /^expired/],
  ["of another type", () => power("x", { type: "update" }), /is one of update, not of power/],
  ["tampered with", async () => tampered(await power("x")), /not what its site has signed/],
])("an order that is %s is refused with its reason, and nothing is done", async (_what, order, reason) => {
  await using it = await connected();
  expect(await call(await power("before"))).toMatchObject({ ok: true });
  const answer = await call(await order());
  expect(answer).toMatchObject({ ok: false, refused: true, error: expect.stringMatching(reason) });
  expect(it.done).toEqual(["reset orderly"]);
});

test("an order that was held back until a later one was carried out is refused", async () => {
  await using it = await connected();
  const [first, second] = [await power("first"), await power("second")];
  expect(await call(second)).toMatchObject({ ok: true });
  expect(await call(first)).toMatchObject({ ok: false, error: expect.stringMatching(/sequence is 1, and 2 was/) });
  expect(it.done).toHaveLength(1);
});

test("a sequence is on the disk before the order is carried out: a power cut in between does it at most once", async () => {
  await using it = await connected();
  await call(await power("before"));
  const journal = join(it.one.stateDir, "orders.json");
  const order = await power("order-1");
  expect(await call(order)).toMatchObject({ ok: true });
  expect(JSON.parse(readFileSync(journal, "utf8"))).toMatchObject({ taken: ["before", "order-1"] });
  await until(() => it.done.length === 2, "it is carried out");
  // As if the power had gone after the order was taken and before it was begun with.
  writeFileSync(join(it.one.stateDir, "power.json"), '{"carriedOut":[]}');
  await it.restart();
  expect(await call(order)).toMatchObject({
    ok: false,
    refused: true,
    error: expect.stringMatching(/nothing was done/),
  });
  expect(it.done).toHaveLength(2);
});

test("a site with another disk has another key, which its machines take only from who knows them", async () => {
  await using it = await connected();
  const old = await power("held-back");
  expect(await call(await power("order-1"))).toMatchObject({ ok: true });
  const restoreOldKey = await site.makeNewOrderKey();
  site.knowHostBy("another secret");
  expect(await call(await power("order-2"))).toMatchObject({ error: expect.stringMatching(/does not say is its own/) });
  site.knowHostBy("hfa_the-secret-of-this-host");
  expect(await call(await power("order-3"))).toMatchObject({ ok: true });
  expect(await call(old)).toMatchObject({ error: expect.stringMatching(/does not say is its own/) });
  // The old disk is back: what was carried out by its key is not carried out again.
  restoreOldKey();
  expect(await call(old)).toMatchObject({ error: expect.stringMatching(/sequence is 1, and 2 was/) });
  expect(it.done).toHaveLength(2);
});

test("a job that is signed is done once, however often its message comes", async () => {
  await using it = await connected();
  const order = () => site.order({ id: "job-1", type: "update", arguments: "{}", notAfter: LATER });
  const signed = await order();
  expect(await job("job-1", signed)).toMatchObject({ state: "SUCCEEDED" });
  await job("job-1", signed);
  await it.restart();
  expect(
    await job("job-2", await site.order({ id: "job-2", type: "update", arguments: "{}", notAfter: LATER })),
  ).toMatchObject({ state: "SUCCEEDED" });
  expect(site.of("jobs/job-1/status")).toHaveLength(1);
});

test.each<[string, (id: string) => Promise<string>, RegExp]>([
  ["is not signed", async () => "", /not signed by the site/],
  ["is another machine's", (id) => update(id, { host: "host-ffffffff" }), /is for host-ffffffff/],
  ["has expired", (id) => update(id, { notAfter: 1 }), /^expired/],
  ["was tampered with", async (id) => tampered(await update(id)), /not what its site has signed/],
  ["is signed as another job", () => update("job-other"), /what is signed is job job-other/],
  ["is of no known type", (id) => update(id, { type: "format-disks" }), /order is one of format-disks|knows no job/],
])("a job that %s is rejected with its reason", async (_what, signed, reason) => {
  await using it = await connected();
  expect(await job("job-7", await signed("job-7"))).toMatchObject({
    state: "REJECTED",
    error: expect.stringMatching(reason),
  });
  expect(it.done).toEqual([]);
});

const update = (id: string, more: Partial<Order> = {}) =>
  site.order({ id, type: "update", arguments: "{}", notAfter: LATER, ...more });

/** The same signature over another payload. */
function tampered(signed: string): string {
  const [header, payload = "", signature] = signed.split(".");
  const order = JSON.parse(Buffer.from(payload, "base64url").toString());
  const other = Buffer.from(JSON.stringify({ ...order, notAfter: order.notAfter + 1 })).toString("base64url");
  return [header, other, signature].join(".");
}
