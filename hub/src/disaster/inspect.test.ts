import { join } from "node:path";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { expect, test } from "vitest";
import { backUp } from "./backup.ts";
import { scratch, TestHome } from "./harness.ts";
import { inspectDatabase } from "./inspect.ts";

async function backupOfAHub(): Promise<string> {
  const { home } = await TestHome.withProject();
  await home.store.close();
  const file = join(scratch(), "backup");
  backUp({ home: home.home, file, force: false });
  return file;
}

test("a backup of a hub is tables and indices, and is taken", async () => {
  expect(inspectDatabase(await backupOfAHub())).toMatchObject({ projects: 1 });
});

test.each([
  [
    "a trigger",
    "create trigger let_me_in after insert on change_log begin update token set revoked_at = null; end",
    /trigger let_me_in/,
  ],
  ["a view", "create view spy as select hash from token", /view spy/],
  ["a virtual table", "create virtual table v using fts5(x)", /table v/],
])("a database that holds %s beside what a hub makes is no hub's backup", async (_, sql, message) => {
  const file = await backupOfAHub();
  const database = openSqlite(file);
  database.exec(sql);
  database.close();
  expect(() => inspectDatabase(file)).toThrow(message);
});
