import type { Store } from "@holdfast/inventory";
import { systemClock } from "@holdfast/runtime";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { TestSite } from "../testing/test-site.ts";
import { watchDisk } from "./disk.ts";
import { siteTables } from "./tables.ts";

const limitPages = (store: Store, pages: number) =>
  store.write(async (transaction) => {
    await sql`pragma max_page_count = ${sql.lit(pages)}`.execute(siteTables(transaction));
  });

test("a full disk is said as long as writes are refused, loses nothing that was stored, and is over a minute after the last", async () => {
  await using site = await TestSite.open();
  let passed = 0;
  const clock = { now: () => systemClock.now() + passed, monotonic: () => systemClock.monotonic() + passed };
  const { store, trouble } = watchDisk(site.store, clock);
  const add = (id: string) =>
    store.write((transaction) =>
      siteTables(transaction)
        .insertInto("enrolment_used")
        .values({ id, token_hash: "x".repeat(20_000), machine: "m", host: "h", at: 1 })
        .execute(),
    );
  await add("before");
  await limitPages(site.store, 1);
  await expect(add("full")).rejects.toThrow(/full/);
  const said = trouble();
  expect(said?.error).toMatch(/full/);
  await expect(add("full")).rejects.toThrow(/full/);
  expect(trouble()?.since).toBe(said?.since);

  await limitPages(site.store, 1_000_000);
  await add("after");
  expect(trouble()?.since).toBe(said?.since);
  passed += 60_000;
  expect(trouble()).toBeUndefined();
  const kept = await store.read((view) => siteTables(view).selectFrom("enrolment_used").select("id").execute());
  expect(kept.map(({ id }) => id).toSorted()).toEqual(["after", "before"]);
});

test("what a transaction itself was refused is no trouble of the disk's", async () => {
  await using site = await TestSite.open();
  const { store, trouble } = watchDisk(site.store, systemClock);
  const refused = store.write(async () => {
    throw new Error("no");
  });
  await expect(refused).rejects.toThrow("no");
  expect(trouble()).toBeUndefined();
});
