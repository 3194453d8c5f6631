import type { UplinkBatch } from "@holdfast/protocol/uplink";
import { createLog, minutes, nextTurn } from "@holdfast/runtime";
import { expect, test, vi } from "vitest";
import { readSetting } from "../database/settings.ts";
import { movedClock } from "../testing/moved-clock.ts";
import { SITE, TENANT, TestSite } from "../testing/test-site.ts";
import { until } from "../testing/until.ts";
import { HubLink } from "./hub-link.ts";
import { type PushOptions, startPush } from "./push.ts";

/** A push to a hub that is busy until told otherwise. */
function pushing(site: TestSite, more: Partial<PushOptions> = {}) {
  const hub = { isBusy: false, asked: 0, busy: () => new Response("{}", { status: 503 }) };
  const carry: typeof fetch = async (_input, init) => {
    hub.asked += 1;
    if (hub.isBusy) return hub.busy();
    const { stream, first, entries } = JSON.parse(String(init?.body)) as UplinkBatch;
    return new Response(JSON.stringify({ stream, cursor: first + entries.length - 1, outcomes: [] }));
  };
  const [said, waits]: [object[], number[]] = [[], []];
  const write = (line: string) => {
    const { msg, failures, wait } = JSON.parse(line);
    said.push({ msg, failures });
    waits.push(wait);
  };
  const clock = movedClock();
  const link = new HubLink({ hubUrl: "http://hub", token: "token-of-the-site", fetch: carry, clock });
  const { store, outbox } = site;
  const of = { store, outbox, link, site: SITE, tenant: TENANT, clock, log: createLog("test", "info", { write }) };
  return { hub, said, waits, clock, push: startPush({ ...of, ...more }) };
}

const happens = (site: TestSite, event: string) =>
  site.write((transaction) => site.outbox.event(transaction, { kind: "site", subject: SITE, event }));
const waiting = async (site: TestSite) => (await site.store.read((view) => site.outbox.level(view))).entries;

test("a hub that is busy is asked again, failures are counted, and when it takes a batch the others are told once", async () => {
  await using site = await TestSite.open();
  let reached = 0;
  const onReached = () => {
    reached += 1;
  };
  const { hub, said, clock, push } = pushing(site, { onReached });
  await push.drained();
  hub.isBusy = true;
  await happens(site, "one");
  await until(() => said.length === 1);
  await until(() => {
    if (said.length < 2) clock.move(minutes(1));
    return said.length >= 2;
  });
  expect(reached).toBe(0);
  hub.isBusy = false;
  push.retry();
  await until(() => reached > 0);
  await happens(site, "two");
  await until(async () => (await waiting(site)) === 0);
  await push.close();
  const again = "the hub did not take the batch, will send it again";
  expect(said.slice(0, 2)).toEqual([
    { msg: again, failures: 1 },
    { msg: again, failures: 2 },
  ]);
  expect([said.at(-1), reached]).toEqual([{ msg: "the hub takes batches again", failures: said.length - 1 }, 1]);
});

test.each([
  [401, {}, 30_000, 30_000],
  [403, {}, 30_000, 30_000],
  [426, {}, 30_000, 30_000],
  [401, { "retry-after": "40" }, 40_000, 40_000],
  [503, { "retry-after": "2" }, 2_000, 2_000],
  [503, {}, 0, 500],
  [409, {}, 0, 500],
])("a hub that answers %d with %j is left alone for %d to %d ms", async (status, headers, atLeast, atMost) => {
  await using site = await TestSite.open();
  const { hub, waits, push } = pushing(site);
  await push.drained();
  hub.busy = () => new Response("{}", { status, headers });
  hub.isBusy = true;
  const before = await site.store.read((view) => readSetting(view, "stream"));
  await happens(site, "one");
  await until(() => waits.length === 1);
  expect(waits[0]).toBeGreaterThanOrEqual(atLeast);
  expect(waits[0]).toBeLessThanOrEqual(atMost);
  await push.close();
  expect(await site.store.read((view) => readSetting(view, "stream"))).toMatchObject({
    epoch: before?.epoch,
    incarnation: before?.incarnation,
  });
});

test("while nothing waits the database is not asked for it", async () => {
  await using site = await TestSite.open();
  const { push } = pushing(site);
  await push.drained();
  const write = vi.spyOn(site.store, "write");
  for (let turn = 0; turn < 20; turn += 1) await nextTurn();
  expect(write).not.toHaveBeenCalled();
  await push.close();
});

test("what is added while the push finds nothing more to send is sent before it is called drained", async () => {
  await using site = await TestSite.open();
  const { store } = site;
  let isAdded = false;
  const write: typeof store.write = async (work, ...more) => {
    const result = await store.write(work, ...more);
    if (result === undefined && !isAdded) {
      isAdded = true;
      await happens(site, "in between");
    }
    return result;
  };
  const { hub, push } = pushing(site, {
    store: new Proxy(store, { get: (of, name) => (name === "write" ? write : Reflect.get(of, name).bind(of)) }),
  });
  await push.drained();
  expect([isAdded, hub.asked, await waiting(site)]).toEqual([true, 2, 0]);
  await push.close();
});

test("who waits for a push is told when the wait or the push is given up, and what is on its way is broken off", async () => {
  await using site = await TestSite.open();
  const { hub, clock, push } = pushing(site);
  await push.drained();
  hub.isBusy = true;
  await happens(site, "one");
  const mine = new AbortController();
  const [until1, until2] = [push.drained(mine.signal), push.drained()];
  for (const each of [until1, until2]) each.catch(() => undefined);
  mine.abort(new Error("given up"));
  await expect(until1).rejects.toThrow("given up");
  await push.close();
  await expect(until2).rejects.toThrow("stopped");
  const { asked } = hub;
  await happens(site, "after its end");
  await nextTurn();
  expect([clock.sleeping(), hub.asked]).toEqual([0, asked]);
});
