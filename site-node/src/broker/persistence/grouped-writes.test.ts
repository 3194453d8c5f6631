import { openSqlite } from "@holdfast/runtime/sqlite";
import { expect, test } from "vitest";
import { GroupedWrites } from "./grouped-writes.ts";

function numbers(): {
  writes: GroupedWrites;
  insert: (value: number | null) => Promise<unknown>;
  all: () => unknown[];
} {
  const database = openSqlite(":memory:");
  database.exec("CREATE TABLE number (value INTEGER NOT NULL)");
  const writes = new GroupedWrites(database);
  const statement = database.prepare("INSERT INTO number VALUES (?)");
  return {
    writes,
    insert: (value) =>
      writes.add(() => {
        statement.run(0);
        statement.run(value);
      }),
    all: () => database.prepare("SELECT value FROM number WHERE value > 0").pluck().all(),
  };
}

test("a write that throws is undone alone, and the others of its group stand", async () => {
  const { insert, all } = numbers();
  const outcomes = await Promise.allSettled([insert(1), insert(null), insert(2)]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(all()).toEqual([1, 2]);
});

test("when the whole transaction is lost, no write of the group is reported as kept", async () => {
  const database = openSqlite(":memory:");
  database.exec("CREATE TABLE number (value INTEGER NOT NULL)");
  const writes = new GroupedWrites(database);
  const kept = writes.add(() => database.exec("INSERT INTO number VALUES (1)"));
  const fatal = writes.add(() => {
    database.exec("ROLLBACK");
    throw new Error("the disk is full");
  });
  const later = writes.add(() => database.exec("INSERT INTO number VALUES (2)"));
  const outcomes = await Promise.allSettled([kept, fatal, later]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  expect(database.prepare("SELECT count(*) AS n FROM number").get()).toEqual({ n: 0 });
});

test("a flush shows a read what was asked for before it", () => {
  const { writes, insert, all } = numbers();
  const writing = insert(1);
  expect(all()).toEqual([]);
  writes.flush();
  expect(all()).toEqual([1]);
  return writing;
});

test("who hears of commits hears of each when it is done, and of none that failed", async () => {
  const database = openSqlite(":memory:");
  database.exec("CREATE TABLE number (value INTEGER NOT NULL)");
  const heard: string[] = [];
  const writes = new GroupedWrites(database, {
    onCommit: () => heard.push(`committed, ${database.inTransaction ? "and" : "nothing"} open`),
    onFailure: () => heard.push("failed"),
  });
  await Promise.all([1, 2].map((value) => writes.add(() => database.exec(`INSERT INTO number VALUES (${value})`))));
  const broken = writes.add(() => {
    database.exec("ROLLBACK");
    throw new Error("the disk is full");
  });
  await expect(broken).rejects.toThrow();
  expect(heard).toEqual(["committed, nothing open", "failed"]);
});
