import { randomUUID } from "node:crypto";
import { openSqlite, type Sqlite } from "@holdfast/runtime/sqlite";
import { sql } from "kysely";
import { expect, onTestFinished, test } from "vitest";
import { type Migrations, toNewest } from "./to-newest.ts";

/** What programs' migrations do: they draw ids, count, alter, index, and watch over what is written. */
const own = (): Migrations => ({
  "hub-0001": {
    async up(db) {
      await sql`create table person (number integer primary key autoincrement, id text not null, name text)`.execute(
        db,
      );
      await sql`create table friend (one text, other text, at integer, body blob)`.execute(db);
      await sql`create index friend_by_other on friend (other)`.execute(db);
      await sql`create view named as select id from person where name is not null`.execute(db);
      await sql`create trigger kept before delete on person begin select raise(abort, 'kept'); end`.execute(db);
      const [one, other] = [randomUUID(), randomUUID()];
      await sql`insert into person (id, name) values (${one}, 'one'), (${other}, null)`.execute(db);
      await sql`insert into friend values (${one}, ${other}, 7, x'00ff')`.execute(db);
    },
  },
  "hub-0002": {
    async up(db) {
      await sql`alter table person add column age integer`.execute(db);
      await sql`alter table friend rename to friendship`.execute(db);
    },
  },
});

function empty(): Sqlite {
  const database = openSqlite(":memory:");
  onTestFinished(() => void database.close());
  return database;
}

interface Held {
  readonly schema: unknown;
  /** Each id as the order in which it was met, so that those of two databases may be compared. */
  readonly rows: string;
  readonly ids: readonly string[];
}

function heldIn(database: Sqlite): Held {
  const query = "select type, name, tbl_name, sql from sqlite_schema order by type, name";
  const schema = database.prepare<[], { type: string; name: string }>(query).all();
  const tables = schema.filter(({ type }) => type === "table").map(({ name }) => name);
  const rows = tables.map((name) => [name, database.prepare(`select * from "${name}" order by 1`).raw().all()]);
  const text = JSON.stringify(rows).replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");
  const ids = [...new Set(text.match(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g))];
  return { schema, rows: ids.reduce((known, id, at) => known.replaceAll(id, `ID-${at}`), text), ids };
}

test("a database that is made after another is what the migrations would have made of it, with ids of its own", async () => {
  const migrations = own();
  const [first, second, third, migrated] = [empty(), empty(), empty(), empty()];
  const ran = await toNewest(first, migrations);
  expect(await toNewest(second, migrations)).toEqual(ran);
  await toNewest(third, migrations);
  await toNewest(migrated, own());
  for (const made of [second, third]) {
    expect(heldIn(made).schema).toEqual(heldIn(migrated).schema);
    expect(heldIn(made).rows).toBe(heldIn(migrated).rows);
  }
  const ids = [first, second, third, migrated].flatMap((database) => heldIn(database).ids);
  expect(ids.length).toBe(4 * 3);
  expect(new Set(ids).size).toBe(ids.length);
});

test("migrations of the same names that do something else are not taken for those that ran", async () => {
  const notes = (table: string): Migrations => ({
    "hub-0001": { up: async (db) => void (await sql`create table ${sql.table(table)} (text text)`.execute(db)) },
  });
  await toNewest(empty(), notes("one"));
  const other = empty();
  await toNewest(other, notes("other"));
  expect(other.prepare("select count(*) from other").pluck().get()).toBe(0);
});

test("a database that has had some of the migrations is migrated, however many were made anew before it", async () => {
  const migrations = own();
  await toNewest(empty(), migrations);
  const standing = empty();
  const { "hub-0001": first } = migrations;
  if (first) await toNewest(standing, { "hub-0001": first });
  const [id] = heldIn(standing).ids;
  expect(await toNewest(standing, migrations)).toEqual(["hub-0002"]);
  expect(heldIn(standing).ids).toContain(id);
  expect(await toNewest(standing, migrations)).toEqual([]);
});
