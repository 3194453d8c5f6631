import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, createLog } from "@holdfast/runtime";
import { sql } from "kysely";
import { expect, onTestFinished, test, vi } from "vitest";
import { DiskWatch, watchStore } from "./disk.ts";
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
  expect(said).toMatchObject({ file: "hub.db", writes: "refused", error: expect.stringMatching(/full/) });
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

/** A watch over a database whose log is taken in as `state` says. */
function tended(state: { error: Error | undefined }) {
  const [clock, lines, calls] = [new HandClock(), [] as { level: number; msg: string }[], { tended: 0, tried: 0 }];
  const log = createLog("test", "info", { write: (line: string) => lines.push(JSON.parse(line)) });
  const disk = new DiskWatch({
    ...{ file: "hub.db", clock, log },
    async tryWriting() {
      calls.tried += 1;
    },
    async tend() {
      calls.tended += 1;
      if (state.error) throw state.error;
    },
  });
  onTestFinished(() => disk.close());
  return { disk, clock, lines, calls, write: () => disk.writing(async () => "written") };
}

test("a log that cannot be taken into the database is said though writes are taken, once, and so is that it can be again", async () => {
  const state: { error: Error | undefined } = {
    error: Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR_WRITE" }),
  };
  const it = tended(state);
  for (let second = 0; second < 3; second += 1) {
    expect(await it.write()).toBe("written");
    await vi.waitFor(() => expect(it.calls.tended).toBe(second + 1));
    it.clock.pass(1_000);
  }
  expect(it.disk.trouble).toMatchObject({ file: "hub.db", writes: "taken", error: "disk I/O error" });
  const began = { level: 50, msg: "the database's log cannot be taken into it, and grows" };
  expect(it.lines).toMatchObject([began]);

  state.error = undefined;
  for (let trial = 0; it.disk.trouble && trial < 20; trial += 1) {
    await vi.waitFor(() => expect(it.clock.sleepers).toBe(1));
    it.clock.pass(5_000);
    await vi.waitFor(() => expect(it.clock.sleepers === 1 || it.disk.trouble === undefined).toBe(true));
  }
  expect(it.lines).toMatchObject([began, { level: 30, msg: "the database's log is taken into it again" }]);
  // What would have been written to try it would have made the log grow.
  expect(it.calls.tried).toBe(0);
});

test("trouble that begins again at the moment when it is over ends again too", async () => {
  const full = Object.assign(new Error("full"), { code: "SQLITE_FULL" });
  const it = tended({ error: undefined });
  const ended = () => it.lines.filter(({ level }) => level === 30).length;
  const again = (level: number) => {
    if (level === 30 && ended() === 1) queueMicrotask(() => it.disk.refused(full));
  };
  it.lines.push = (...lines) => {
    const count = Array.prototype.push.apply(it.lines, lines);
    for (const { level } of lines) again(level);
    return count;
  };
  it.disk.refused(full);
  for (let trial = 0; ended() < 2 && trial < 40; trial += 1) {
    await vi.waitFor(() => expect(it.clock.sleepers).toBe(1));
    it.clock.pass(5_000);
    await vi.waitFor(() => expect(it.clock.sleepers === 1 || ended() === 2).toBe(true));
  }
  expect(it.disk.trouble).toBeUndefined();
  expect(ended()).toBe(2);
});

test("whether the log is taken in is looked at once a second at most, however much is written", async () => {
  const it = tended({ error: undefined });
  for (let count = 0; count < 5; count += 1) await it.write();
  expect(it.calls.tended).toBe(1);
  it.clock.pass(1_000);
  await it.write();
  expect(it.calls.tended).toBe(2);
  expect(it.disk.trouble).toBeUndefined();
});

test("that a database is busy or closed is no trouble of its log", async () => {
  const it = tended({ error: Object.assign(new Error("database table is locked"), { code: "SQLITE_LOCKED" }) });
  await it.write();
  expect(it.calls.tended).toBe(1);
  expect(it.disk.trouble).toBeUndefined();
});

test("what a transaction itself was refused is no trouble of the disk's", async () => {
  const it = await watched();
  const refused = it.store.write(async () => {
    throw new Error("no");
  });
  await expect(refused).rejects.toThrow("no");
  expect(it.disk.trouble).toBeUndefined();
});
