import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqlite } from "@holdfast/runtime/sqlite";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "./open.ts";

/** Files as a process leaves them that dies while it writes to a database that keeps a rollback journal. */
function brokenOff(from: string, to: string): void {
  const database = new Database(from);
  database.pragma("journal_mode = DELETE");
  database.pragma("cache_size = 5");
  database.exec("begin");
  const insert = database.prepare("insert into setting (name, value) values (?, ?)");
  // More than the cache holds, so that pages of it are in the file already and what they were in the journal.
  for (let count = 0; count < 200; count += 1) insert.run(`half ${count}`, "x".repeat(1_000));
  for (const companion of ["", "-journal"]) cpSync(`${from}${companion}`, `${to}${companion}`);
  database.exec("rollback");
  database.close();
}

test("a database whose first writer was killed in the middle of a write opens as it was before that write", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-broken-off-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [whole, broken] = [join(folder, "whole.db"), join(folder, "broken.db")];
  const first = await openSqliteStore({ path: whole });
  await first.write((transaction) => transaction.setSetting("before", "kept"));
  await first.close();
  brokenOff(whole, broken);
  expect(existsSync(`${broken}-journal`)).toBe(true);

  const store = await openSqliteStore({ path: broken });
  onTestFinished(() => store.close());
  const read = (name: string) => store.read((view) => view.setting(name));
  expect([await read("before"), await read("half 0")]).toEqual(["kept", undefined]);
  const raw = openSqlite(broken);
  expect(raw.pragma("integrity_check", { simple: true })).toBe("ok");
  raw.close();
});
