import { mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { openSqlite } from "./sqlite.ts";

test("a database is durable at every commit, checks references, and is its owner's alone", () => {
  const path = `${mkdtempSync(`${tmpdir()}/holdfast-sqlite-`)}/deep/site.db`;
  const database = openSqlite(path);
  expect(database.pragma("synchronous", { simple: true })).toBe(2);
  expect(database.pragma("journal_mode", { simple: true })).toBe("wal");
  expect(database.pragma("foreign_keys", { simple: true })).toBe(1);
  database.exec("create table t (x)");
  for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  database.close();
});
