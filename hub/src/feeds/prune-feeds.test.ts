import { openSqliteStore, type Store } from "@holdfast/inventory";
import { type FeedScope, siteScope } from "@holdfast/protocol";
import { hours } from "@holdfast/runtime";
import { expect, onTestFinished, test } from "vitest";
import { HUB_MIGRATIONS } from "../tables.ts";
import { pruneFeeds, TOMBSTONES_KEPT } from "./prune-feeds.ts";

const SCOPE = siteScope("site-00000001");
const DAY = hours(24);

async function start() {
  const store = await openSqliteStore({ path: ":memory:", migrations: HUB_MIGRATIONS });
  onTestFinished(() => store.close());
  let now = 100 * DAY;
  return {
    store,
    prune: () => pruneFeeds({ store, clock: { now: () => now } }),
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
    append: (scope: FeedScope, id: string, body: object | null) =>
      store.write((transaction) => transaction.appendFeed(scope, "thing", id, body)),
  };
}

async function feedOf(store: Store, scope: FeedScope = SCOPE) {
  const { rows, floor } = await store.read((view) => view.feed(scope, 0, 1_000));
  return { ids: rows.map(({ id, body }) => (body === null ? `-${id}` : id)), floor };
}

test("a feed forgets what went more than thirty days ago, and keeps what is there and what went since", async () => {
  const { store, prune, pass, append } = await start();
  await append(SCOPE, "stays", {});
  await append(SCOPE, "old", {});
  const old = await append(SCOPE, "old", null);
  expect(await prune()).toBe(0);
  pass(TOMBSTONES_KEPT - 1);
  await append(SCOPE, "new", null);
  expect(await prune()).toBe(0);
  expect(await feedOf(store)).toEqual({ ids: ["stays", "-old", "-new"], floor: 0 });
  pass(1);
  expect(await prune()).toBe(1);
  expect(await feedOf(store)).toEqual({ ids: ["stays", "-new"], floor: old });
  expect(await prune()).toBe(0);
});

test("a scope from which nothing is forgotten keeps its floor: who follows it starts nowhere anew", async () => {
  const { store, prune, pass, append } = await start();
  const quiet = siteScope("site-00000002");
  await append(quiet, "stays", {});
  await append(SCOPE, "old", null);
  await prune();
  pass(TOMBSTONES_KEPT);
  expect(await prune()).toBe(1);
  expect(await feedOf(store, quiet)).toEqual({ ids: ["stays"], floor: 0 });
});

test("many scopes are pruned some at a time, until all are", async () => {
  const { prune, pass, append } = await start();
  for (let site = 1; site <= 130; site += 1) {
    await append(siteScope(`site-${site.toString(16).padStart(8, "0")}`), "old", null);
  }
  await prune();
  pass(TOMBSTONES_KEPT);
  expect([await prune(), await prune(), await prune()]).toEqual([100, 30, 0]);
});

test("a clock that was ahead for a while does not stop the pruning", async () => {
  const { store, prune, pass, append } = await start();
  pass(5_000 * DAY);
  await append(SCOPE, "old", null);
  await prune();
  pass(-5_000 * DAY);
  await prune();
  pass(TOMBSTONES_KEPT);
  expect(await prune()).toBe(1);
  expect((await feedOf(store)).ids).toEqual([]);
});
