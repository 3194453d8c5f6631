import { cpSync, mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { LOG_PAGES, openSqlite, openSqliteReadOnly, takeInGrownLog } from "./sqlite.ts";

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

test("a log that SQLite has let grow is taken into the database, and one that it will take in by itself is not", () => {
  const path = `${mkdtempSync(`${tmpdir()}/holdfast-sqlite-`)}/site.db`;
  const database = openSqlite(path);
  const level = () => database.pragma("wal_checkpoint(NOOP)") as { log: number; checkpointed: number }[];
  database.pragma("wal_autocheckpoint = 0");
  database.exec("create table t (x)");
  const write = database.prepare("insert into t values (zeroblob(?))");
  write.run(4096 * (LOG_PAGES / 2));
  takeInGrownLog(database);
  expect(level()).toMatchObject([{ checkpointed: 0 }]);
  write.run(4096 * (LOG_PAGES / 2));
  takeInGrownLog(database);
  const [{ log, checkpointed } = { log: 0, checkpointed: 0 }] = level();
  expect(log).toBeGreaterThan(LOG_PAGES);
  expect(checkpointed).toBe(log);
  database.close();
});
