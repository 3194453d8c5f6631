import type { FeedScope } from "@holdfast/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FeedPage, Store } from "../contract.ts";
import { type NewPlace, openWithTenants } from "./fixture.ts";

const SCOPE: FeedScope = "site:site-00000001";
const ELSEWHERE: FeedScope = "site:site-00000002";

function append(store: Store, id: string, body: object | null, scope = SCOPE): Promise<number> {
  return store.write((transaction) => transaction.appendFeed(scope, "host", id, body));
}

function page(store: Store, after = 0, limit = 1_000, scope = SCOPE): Promise<FeedPage> {
  return store.read((view) => view.feed(scope, after, limit));
}

/** What a follower does with a page. */
function applyPage(truth: Map<string, string>, { rows }: FeedPage): void {
  for (const { id, body } of rows) {
    if (body === null) truth.delete(id);
    else truth.set(id, body);
  }
}

export function feedConformance(newPlace: NewPlace): void {
  describe("the feed", () => {
    test("holds the newest row of each resource, in the order of writing", async () => {
      const store = await openWithTenants(newPlace);
      const numbers = [await append(store, "a", { v: 1 }), await append(store, "b", { v: 1 })];
      numbers.push(await append(store, "a", { v: 2 }));
      expect([...numbers].sort((one, other) => one - other)).toEqual(numbers);
      const { rows, head, floor } = await page(store);
      expect(rows).toEqual([
        { seq: numbers[1], kind: "host", id: "b", body: '{"v":1}', since: numbers[1] },
        { seq: numbers[2], kind: "host", id: "a", body: '{"v":2}', since: numbers[0] },
      ]);
      expect({ head, floor }).toEqual({ head: numbers[2], floor: 0 });
    });

    test("gives what comes after a number, up to a limit, with the whole log's head", async () => {
      const store = await openWithTenants(newPlace);
      const [first, second, third] = [
        await append(store, "a", {}),
        await append(store, "b", {}),
        await append(store, "c", {}),
      ];
      const cut = await page(store, first, 1);
      expect([cut.rows.map((row) => row.seq), cut.head]).toEqual([[second], third]);
      expect((await page(store, third)).rows).toEqual([]);
    });

    test("an unknown scope is empty, and one scope's head is not another's", async () => {
      const store = await openWithTenants(newPlace);
      await append(store, "a", {});
      expect(await page(store, 0, 10, ELSEWHERE)).toEqual({ rows: [], head: 0, floor: 0 });
      const there = await append(store, "a", {}, ELSEWHERE);
      expect((await page(store)).head).toBeLessThan(there);
    });

    test("a resource that is gone leaves a tombstone; one that returns counts from then", async () => {
      const store = await openWithTenants(newPlace);
      const first = await append(store, "a", { v: 1 });
      const gone = await append(store, "a", null);
      expect((await page(store)).rows).toEqual([{ seq: gone, kind: "host", id: "a", body: null, since: first }]);
      const back = await append(store, "a", { v: 2 });
      const changed = await append(store, "a", { v: 3 });
      expect((await page(store)).rows).toEqual([{ seq: changed, kind: "host", id: "a", body: '{"v":3}', since: back }]);
    });

    test("pruning forgets tombstones up to a number and raises the floor, but never above the head", async () => {
      const store = await openWithTenants(newPlace);
      await append(store, "a", {});
      const gone = await append(store, "a", null);
      const kept = await append(store, "b", {});
      const late = await append(store, "b", null);
      await store.write((transaction) => transaction.pruneFeed(SCOPE, kept));
      expect(await page(store)).toMatchObject({ rows: [{ id: "b", body: null }], head: late, floor: kept });
      await store.write((transaction) => transaction.pruneFeed(SCOPE, gone));
      expect((await page(store)).floor).toBe(kept);
      await store.write((transaction) => transaction.pruneFeed(SCOPE, late + 1_000));
      expect(await page(store)).toEqual({ rows: [], head: late, floor: late });
      await store.write((transaction) => transaction.pruneFeed(ELSEWHERE, 5));
      expect(await page(store, 0, 10, ELSEWHERE)).toEqual({ rows: [], head: 0, floor: 0 });
    });

    test("a follower that stops anywhere and applies the pages after it ends with the scope's truth", async () => {
      const change = fc.record({ id: fc.constantFrom("a", "b", "c", "d"), gone: fc.boolean() });
      const steps = fc.array(fc.record({ change, limit: fc.integer({ min: 1, max: 3 }), reads: fc.boolean() }), {
        maxLength: 25,
      });
      const property = fc.asyncProperty(steps, async (history) => {
        const store = await newPlace().open();
        const [truth, seen] = [new Map<string, string>(), new Map<string, string>()];
        let at = 0;
        const follow = async (limit: number) => {
          const next = await page(store, at, limit);
          applyPage(seen, next);
          at = next.rows.at(-1)?.seq ?? at;
          return next;
        };
        for (const [index, step] of history.entries()) {
          const body = step.change.gone ? null : { index };
          await append(store, step.change.id, body);
          if (body) truth.set(step.change.id, JSON.stringify(body));
          else truth.delete(step.change.id);
          if (step.reads) await follow(step.limit);
        }
        while (at < (await follow(2)).head);
        await store.close();
        expect(seen).toEqual(truth);
      });
      await fc.assert(property, { numRuns: 40 });
    });
  });
}
