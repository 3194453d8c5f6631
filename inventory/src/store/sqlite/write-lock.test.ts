import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { openSqlite, type Sqlite } from "@holdfast/runtime/sqlite";
import { sql } from "kysely";
import type { Migration } from "kysely/migration";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "./open.ts";
import { beginImmediate } from "./write-lock.ts";

/** A database, and what another process has open: a connection that is writing to it. */
async function beingWritten(): Promise<{ readonly path: string; readonly other: Sqlite }> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-lock-"));
  const path = join(folder, "store.sqlite");
  await (await openSqliteStore({ path })).close();
  const other = openSqlite(path);
  onTestFinished(() => {
    other.close();
    rmSync(folder, { recursive: true });
  });
  other.exec("begin immediate");
  return { path, other };
}

test("who writes while another process does so waits for it, and the event loop goes on", async () => {
  const { path, other } = await beingWritten();
  const store = await openSqliteStore({ path });
  onTestFinished(() => store.close());
  const [one, two] = [store.write(async () => "one"), store.write(async () => "two")];
  await nextTurn();
  expect(await store.read(async () => "read")).toBe("read");
  other.exec("commit");
  expect(await Promise.all([one, two])).toEqual(["one", "two"]);
});

test("a database that must be migrated first waits for who writes to it as well", async () => {
  const { path, other } = await beingWritten();
  const notes: Migration = { up: async (db) => void (await sql`create table note (text text)`.execute(db)) };
  const opening = openSqliteStore({ path, migrations: { "hub-0001-notes": notes } });
  await nextTurn();
  other.exec("commit");
  await (await opening).close();
});

test("another process that never ends its transaction is told of after five seconds", async () => {
  const { path } = await beingWritten();
  const database = openSqlite(path);
  onTestFinished(() => void database.close());
  let at = 0;
  const sleep = async (milliseconds: number) => {
    at += milliseconds;
  };
  const clock = { now: () => at, monotonic: () => at, sleep };
  await expect(beginImmediate(database, clock)).rejects.toMatchObject({
    code: "Unavailable",
    message: expect.stringContaining("another process"),
  });
  expect(at).toBe(5_000);
});

test("what waiting does not help is thrown at once", async () => {
  const { other } = await beingWritten();
  await expect(beginImmediate(other)).rejects.toThrow("within a transaction");
});
