import { type Commit, openSqliteStore, type Store, type View } from "@holdfast/inventory";
import { type FeedScope, siteScope } from "@holdfast/protocol";
import { silentLog } from "@holdfast/runtime";
import { expect, onTestFinished, test } from "vitest";
import { until } from "../hub-harness.ts";
import type { RenderedPage } from "./rendered.ts";
import { createWaiters, type TokenWatch, type Waiter } from "./waiters.ts";

const scopeOf = (number: number) => siteScope(`site-${number.toString(16).padStart(8, "0")}`);

/** A real store whose reads of feeds are counted, and waiters over it. */
async function start({ tokens = ALL_GOOD, perSite = 4 }: { tokens?: TokenWatch; perSite?: number } = {}) {
  const store = await openSqliteStore({ path: ":memory:" });
  const reads: FeedScope[] = [];
  const counted: Pick<Store, "read" | "onCommit"> = {
    read: (work) =>
      store.read((view) =>
        work(
          new Proxy(view, {
            get(target, name) {
              if (name === "feed") {
                return (scope: FeedScope, after: number, limit: number) => {
                  reads.push(scope);
                  return target.feed(scope, after, limit);
                };
              }
              const value = Reflect.get(target, name);
              return typeof value === "function" ? value.bind(target) : value;
            },
          }) as View,
        ),
      ),
    onCommit: (listener: (commit: Commit) => void) => store.onCommit(listener),
  };
  const budget = { rows: 100, bytes: 1_000_000 };
  const sealOf = () => (seq: number) => ({ receipt: "signed", receipt_seq: String(seq), receipt_epoch: "e1" });
  await store.write((transaction) => transaction.setSetting("epoch", "e1"));
  const waiters = createWaiters({ store: counted, tokens, sealOf, log: silentLog, budget, perSite });
  onTestFinished(async () => {
    waiters.close();
    await store.close();
  });
  const append = (scope: FeedScope, ...ids: string[]) =>
    store.write(async (transaction) => {
      for (const id of ids) await transaction.appendFeed(scope, "thing", id, { id });
    });
  const wait = (scope: FeedScope, more: Partial<Waiter> = {}) => {
    const pages: RenderedPage[] = [];
    const waiter = {
      scope,
      epoch: "e1",
      site: scope,
      token: "good",
      revocations: "0",
      after: 0,
      ended: false,
      deliver: (page: RenderedPage) => void pages.push(page),
      end() {
        waiter.ended = true;
      },
      ...more,
    };
    waiters.add(waiter);
    return { pages, waiter };
  };
  return { store, reads, waiters, append, wait };
}

const ALL_GOOD: TokenWatch = { revocations: async () => "0", refused: async () => new Set() };

test("a commit costs one read for the scope that it touched, with a thousand others waiting", async () => {
  const { reads, append, wait } = await start();
  const others = Array.from({ length: 1_000 }, (_, number) => wait(scopeOf(number + 1)));
  const { pages } = wait(scopeOf(0));
  await append(scopeOf(0), "a");
  await until("it is told", () => pages.length === 1);
  expect(reads).toEqual([scopeOf(0)]);
  expect(others.every((other) => other.pages.length === 0)).toBe(true);
});

test("a commit costs one read and one rendering for a thousand that wait for the same scope", async () => {
  const { reads, append, wait } = await start();
  const waiting = Array.from({ length: 1_000 }, (_, number) => wait(scopeOf(0), { site: `site-${number}` }));
  await append(scopeOf(0), "a", "b");
  await until("all are told", () => waiting.every(({ pages }) => pages.length === 1));
  expect(reads).toEqual([scopeOf(0)]);
  expect(new Set(waiting.map(({ pages }) => pages[0])).size).toBe(1);
});

test("a commit to a scope that nobody waits for costs nothing", async () => {
  const { reads, append, wait } = await start();
  wait(scopeOf(1));
  await append(scopeOf(0), "a");
  expect(reads).toEqual([]);
});

test("a follower hears of a commit that came between its own read and its waiting", async () => {
  const { append, wait } = await start();
  await append(scopeOf(0), "a");
  const { pages } = wait(scopeOf(0));
  await until("it is told", () => pages.length === 1);
});

test("followers at different places get each what they miss, once", async () => {
  const { append, wait } = await start();
  await append(scopeOf(0), "a", "b");
  // Who comes last is served with those that wait already.
  const [level, behind] = [wait(scopeOf(0), { after: 2 }), wait(scopeOf(0), { after: 1 })];
  await append(scopeOf(0), "c");
  const idsOf = (pages: RenderedPage[]) =>
    pages.flatMap((page) => page.messages).map((message) => JSON.parse(message).value.id);
  await until("both are level", () => behind.waiter.after === 3 && level.waiter.after === 3);
  expect([idsOf(behind.pages), idsOf(level.pages)]).toEqual([["b", "c"], ["c"]]);
});

test("more than one answer carries comes in several, the last of them up-to-date", async () => {
  const { append, wait } = await start();
  const { pages, waiter } = wait(scopeOf(0));
  await append(scopeOf(0), ...Array.from({ length: 250 }, (_, index) => `row-${index}`));
  await until("all is there", () => waiter.after === 250);
  expect(pages.map((page) => [page.messages.length, page.upToDate])).toEqual([
    [100, false],
    [100, false],
    [50, true],
  ]);
});

test("a waiter whose token another process revoked is let go, and gets nothing", async () => {
  let revocations = "0";
  const tokens: TokenWatch = {
    revocations: async () => revocations,
    refused: async (_, ids) => new Set(ids.filter((id) => id === "bad")),
  };
  const { append, wait } = await start({ tokens });
  const [good, bad] = [wait(scopeOf(0)), wait(scopeOf(0), { token: "bad", site: "other" })];
  revocations = "1";
  await append(scopeOf(0), "a");
  await until("the good one is told", () => good.pages.length === 1);
  expect([bad.waiter.ended, bad.pages.length, good.waiter.ended]).toEqual([true, 0, false]);
});

test("followers start anew when the feed cannot be read", async () => {
  const { store, append, wait, waiters } = await start({
    tokens: { ...ALL_GOOD, revocations: () => Promise.reject(new Error("disk")) },
  });
  const { waiter } = wait(scopeOf(0));
  await append(scopeOf(0), "a");
  await until("it is let go", () => waiter.ended);
  expect(waiters.count(scopeOf(0))).toBe(0);
  expect(store).toBeDefined();
});

test("another life of the hub lets go of all that follow an earlier one, and of those that come late", async () => {
  const { waiters, wait } = await start();
  const [before, after] = [wait(scopeOf(0)), wait(scopeOf(0), { epoch: "e2", site: "other" })];
  waiters.beginEpoch("e2");
  expect([before.waiter.ended, after.waiter.ended]).toEqual([true, false]);
  expect(wait(scopeOf(1)).waiter.ended).toBe(true);
  expect(wait(scopeOf(1), { epoch: "e2" }).waiter.ended).toBe(false);
});

test("nobody is handed rows of another life of the hub than the one that they follow", async () => {
  const { store, append, wait } = await start();
  const [before, after] = [wait(scopeOf(0)), wait(scopeOf(0), { epoch: "e2", site: "other" })];
  await store.write((transaction) => transaction.setSetting("epoch", "e2"));
  await append(scopeOf(0), "a");
  await until("the later one is told", () => after.pages.length === 1);
  expect([before.waiter.ended, before.pages.length]).toEqual([true, 0]);
});

test("who comes to waiting after all were let go is let go at once", async () => {
  const { waiters, wait } = await start();
  waiters.close();
  const { waiter } = wait(scopeOf(1));
  expect([waiter.ended, waiters.count(waiter.site)]).toEqual([true, 0]);
});
