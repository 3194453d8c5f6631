import { cpSync, mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { openSqlite, openSqliteReadOnly } from "./sqlite.ts";

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

test("what a process that was killed has left in its log is in the database itself as soon as that is open", () => {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-sqlite-`);
  const killed = openSqlite(`${folder}/killed.db`);
  killed.exec("create table t (x); insert into t values (7)");
  for (const companion of ["", "-wal"]) cpSync(`${folder}/killed.db${companion}`, `${folder}/next.db${companion}`);
  const next = openSqlite(`${folder}/next.db`);
  cpSync(`${folder}/next.db`, `${folder}/alone.db`);
  const alone = openSqliteReadOnly(`${folder}/alone.db`);
  expect(alone.prepare("select x from t").pluck().get()).toBe(7);
  for (const database of [alone, next, killed]) database.close();
});
