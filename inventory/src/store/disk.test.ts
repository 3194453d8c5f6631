import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, createLog } from "@holdfast/runtime";
import { sql } from "kysely";
import { expect, onTestFinished, test, vi } from "vitest";
import { watchStore } from "./disk.ts";
import { openSqliteStore } from "./sqlite/open.ts";

/** A clock that stands still until it is told to go on. */
class HandClock implements Clock {
  #at = 1_000_000;
  #sleepers: { until: number; wake: () => void }[] = [];

  now = () => this.#at;
  monotonic = () => this.#at;

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#sleepers.push({ until: this.#at + milliseconds, wake: resolve });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  get sleepers(): number {
    return this.#sleepers.length;
  }

  pass(milliseconds: number): void {
    this.#at += milliseconds;
    const due = this.#sleepers.filter(({ until }) => until <= this.#at);
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#at);
    for (const { wake } of due) wake();
  }
}

async function watched() {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-watch-"));
  const own = await openSqliteStore({ path: join(folder, "hub.db") });
  const [clock, lines] = [new HandClock(), [] as { level: number; msg: string }[]];
  const log = createLog("test", "info", { write: (line: string) => lines.push(JSON.parse(line)) });
  const { store, disk } = watchStore(own, { file: "hub.db", clock, log });
  onTestFinished(async () => {
    await disk.close();
    await own.close();
    rmSync(folder, { recursive: true });
  });
  const limitPages = (pages: number) =>
    own.write(async (transaction) => {
      await sql`pragma max_page_count = ${sql.lit(pages)}`.execute(transaction.tables());
    });
  const add = (name: string, length = 200_000) =>
    store.write((transaction) => transaction.setSetting(name, "x".repeat(length)));
  return {
    ...{ store, disk, clock, lines, add },
    fill: () => limitPages(1),
    empty: () => limitPages(1_000_000),
    /** Lets the time to the next trial pass, and the trial be made. */
    async tried() {
      await vi.waitFor(() => expect(clock.sleepers).toBe(1));
      clock.pass(5_000);
      await vi.waitFor(() => expect(clock.sleepers === 1 || disk.trouble === undefined).toBe(true));
    },
  };
}

test("a full disk is said for as long as writes are refused, once in the log, and loses nothing that was stored", async () => {
  const it = await watched();
  await it.add("before");
  await it.fill();
  await expect(it.add("full")).rejects.toMatchObject({ code: "Unavailable", message: expect.stringMatching(/full/) });
  const said = it.disk.trouble;
  expect(said).toMatchObject({ file: "hub.db", error: expect.stringMatching(/full/) });
  await expect(it.add("full")).rejects.toThrow(/full/);
  // Nobody writes for three minutes: the watch tries by itself, so this does not look like the end of it.
  for (let trial = 0; trial < 36; trial += 1) await it.tried();
  expect(it.disk.trouble).toMatchObject({ since: said?.since, last: it.clock.now() });
  expect(it.lines).toMatchObject([{ level: 50, msg: "the disk takes no writes" }]);
  expect(await it.store.read((view) => view.setting("before"))).toHaveLength(200_000);
  expect(await it.store.read((view) => view.setting("full"))).toBeUndefined();
});

test("the trouble is over when writes were taken for a minute, also where nobody writes", async () => {
  const it = await watched();
  await it.fill();
  await expect(it.add("full")).rejects.toThrow(/full/);
  await it.empty();
  for (let trial = 0; trial < 11; trial += 1) await it.tried();
  expect(it.disk.trouble).toBeDefined();
  await it.tried();
  expect(it.disk.trouble).toBeUndefined();
  expect(it.lines.at(-1)).toMatchObject({ level: 30, msg: "the disk takes writes again" });
});

test("small writes that get through between larger ones are no recovery", async () => {
  const it = await watched();
  await it.fill();
  await expect(it.add("large")).rejects.toThrow(/full/);
  const since = it.disk.trouble?.since;
  for (let minute = 0; minute < 2; minute += 1) {
    await it.empty();
    for (let trial = 0; trial < 11; trial += 1) await it.tried();
    await it.fill();
    await expect(it.add("large", 9_000_000)).rejects.toThrow(/full/);
  }
  expect(it.disk.trouble?.since).toBe(since);
});

test("what a transaction itself was refused is no trouble of the disk's", async () => {
  const it = await watched();
  const refused = it.store.write(async () => {
    throw new Error("no");
  });
  await expect(refused).rejects.toThrow("no");
  expect(it.disk.trouble).toBeUndefined();
});
