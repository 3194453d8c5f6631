import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Instance, type Resource } from "@holdfast/protocol";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { expect, onTestFinished, test } from "vitest";
import { verifyLog } from "../../audit/verify.ts";
import { openSqliteStore } from "../sqlite/open.ts";
import { TABLES_OF_KINDS } from "../table.ts";
import { migrate, migrationsWith } from "./migrate.ts";

function scratchFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-store-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "store.sqlite");
}

const notes = {
  async up(db: Kysely<unknown>) {
    await db.schema.createTable("note").addColumn("text", "text").execute();
  },
};

test("the tables that migrations make hold exactly what the kinds declare", async () => {
  const store = await openSqliteStore({ path: ":memory:" });
  const stored = await store.read((view) => view.tables().introspection.getTables());
  await store.close();
  const columnsIn = (name: string) => stored.find((table) => table.name === name)?.columns ?? [];
  const expected = TABLES_OF_KINDS.flatMap((table) => [
    { name: table.name, columns: table.columns },
    ...table.parts.map((part) => ({
      name: part.name,
      columns: [
        { name: "tenant_id", type: "text" },
        { name: part.parent, type: "text" },
        { name: "position", type: "integer" },
        ...part.columns,
      ],
    })),
  ]);
  const typeOf = (type: string) => (type === "text" || type === "json" ? "TEXT" : "BIGINT");
  const line = (table: string, column: string, type: string) => `${table}.${column} ${type.toUpperCase()}`;
  const declared = expected.flatMap(({ name, columns }) =>
    columns.map((column) => line(name, column.name, typeOf(column.type))),
  );
  const made = expected.flatMap(({ name }) =>
    columnsIn(name).map((column) => line(name, column.name, column.dataType)),
  );
  const missing = declared.filter((column) => !made.includes(column));
  const left = made.filter((column) => !declared.includes(column));
  expect({ missing, left }, "add a migration for the missing columns").toEqual({ missing: [], left: [] });
});

test("every reference and every uniqueness that a kind declares is kept by the database", async () => {
  const store = await openSqliteStore({ path: ":memory:" });
  onTestFinished(() => store.close());
  for (const table of TABLES_OF_KINDS) {
    const keys = await store.read((view) =>
      sql<{ from: string; table: string; id: number }>`select * from pragma_foreign_key_list(${table.name})`.execute(
        view.tables(),
      ),
    );
    const pairs = Map.groupBy(keys.rows, (row) => row.id);
    const kept = [...pairs.values()].map((pair) =>
      pair
        .map((row) => `${row.from}>${row.table}`)
        .sort()
        .join(),
    );
    for (const { column, kind } of table.references) {
      expect(kept, `foreign key of ${table.name}.${column}`).toContain(
        [`${column}>${kind}`, `tenant_id>${kind}`].sort().join(),
      );
    }
    const indexes = await store.read((view) =>
      sql<{ sql: string }>`select sql from sqlite_schema where type = 'index' and tbl_name = ${table.name}`.execute(
        view.tables(),
      ),
    );
    for (const fields of table.kind.unique) {
      const columns = ["tenant_id", ...fields.map((field) => table.columns.find((each) => each.field === field)?.name)];
      const list = columns.map((column) => `"${column}"`).join(", ");
      const found = indexes.rows.some((index) => index.sql?.includes("unique") && index.sql.includes(`(${list})`));
      expect(found, `unique index of ${table.name} on ${list}`).toBe(true);
    }
  }
});

test("a database of the first version knows the writes that stand in it, and what is gone (rules 15, 20)", async () => {
  const path = scratchFile();
  const first = new Kysely<unknown>({ dialect: new SqliteDialect({ database: new Database(path) }) });
  const { "0001-first-kinds": kinds, "0002-logs": logs } = migrationsWith();
  await migrate(first, { "0001-first-kinds": kinds as Migration, "0002-logs": logs as Migration });
  await sql`insert into tenant (tenant_id, name) values ('t', 'first')`.execute(first);
  const stamps = JSON.stringify({ name: { id: "w1", epoch: "e", generation: 1 } });
  const values = sql`'t', 'region-00000001', 1, 1, 1, ${stamps}, 'c', 'Norway'`;
  await sql`insert into region (tenant_id, resource_id, created_at, updated_at, generation, stamps, creation, name)
    values (${values})`.execute(first);
  for (const [seq, id, operation] of [
    [1, "region-00000001", "create"],
    [2, "region-00000002", "delete"],
    [3, "region-00000003", "delete"],
    [4, "region-00000003", "create"],
  ]) {
    await sql`insert into change_log (seq, at, tenant_id, actor, kind, resource_id, operation)
      values (${seq}, 1, 't', 'hub', 'region', ${id}, ${operation})`.execute(first);
  }
  await first.destroy();
  const store = await openSqliteStore({ path });
  onTestFinished(() => store.close());
  expect(await store.read(verifyLog), "what was in the log before is chained").toMatchObject({ entries: 4 });
  expect(await store.read((view) => view.knowsWrite("t", "w1"))).toBe(true);
  const gone = await store.read((view) =>
    sql<{ resource_id: string }>`select resource_id, stamps from tombstone`.execute(view.tables()),
  );
  expect(gone.rows).toEqual([{ resource_id: "region-00000002", stamps: null }]);
});

test("instances from before accounts and policies had tables stay as they were, and one to a host", async () => {
  const path = scratchFile();
  const before = new Kysely<unknown>({ dialect: new SqliteDialect({ database: new Database(path) }) });
  const first = Object.entries(migrationsWith()).filter(([name]) => name < "0008");
  await migrate(before, Object.fromEntries(first));
  await sql`insert into tenant (tenant_id, name) values ('t', 'first')`.execute(before);
  const bookkeeping = sql`'t', 1, 2, 3, '{}'`;
  const columns = sql`tenant_id, created_at, updated_at, generation, stamps, resource_id, creation`;
  await sql`insert into host (${columns}) values (${bookkeeping}, 'host-00000001', 'h')`.execute(before);
  await sql`insert into instance (${columns}, host_id, name, custom_config_id, instance_status_timestamp, observed_unknown)
    values (${bookkeeping}, 'inst-00000001', 'i', 'host-00000001', 'till', '[]', 7, '{"a":1}')`.execute(before);
  await before.destroy();
  const store = await openSqliteStore({ path });
  onTestFinished(() => store.close());
  const standing = await store.read((view) => view.get(Instance, "t", "inst-00000001"));
  expect(standing).toMatchObject({ generation: 3, creation: "i", observedUnknown: { a: 1 } });
  expect(standing?.fields).toMatchObject({ hostID: "host-00000001", name: "till", instanceStatusTimestamp: 7 });
  const twin = { ...(standing as Resource), resourceId: "inst-00000002", creation: "j" };
  const second = store.write((transaction) => transaction.insert(Instance, twin));
  await expect(second).rejects.toMatchObject({ code: "FailedPrecondition", fields: ["hostID"] });
});

test("a program's own tables live in the same database and are made once", async () => {
  const path = scratchFile();
  for (const _ of [1, 2]) {
    const store = await openSqliteStore({ path, migrations: { "hub-0001-notes": notes } });
    await store.write(async (transaction) => {
      await transaction.tables<{ note: { text: string } }>().insertInto("note").values({ text: "kept" }).execute();
    });
    await store.close();
  }
  const store = await openSqliteStore({ path, migrations: { "hub-0001-notes": notes } });
  const rows = await store.read((view) =>
    view.tables<{ note: { text: string } }>().selectFrom("note").selectAll().execute(),
  );
  await store.close();
  expect(rows).toEqual([{ text: "kept" }, { text: "kept" }]);
});

test("a program's migration may not take a name among the inventory's", async () => {
  await expect(openSqliteStore({ path: ":memory:", migrations: { "0003-notes": notes } })).rejects.toThrow(
    "0003-notes",
  );
});

test("a database made by a newer version is refused by name and left as it is", async () => {
  const path = scratchFile();
  const newer = await openSqliteStore({ path, migrations: { "hub-0001-notes": notes } });
  await newer.close();
  const before = readFileSync(path);
  await expect(openSqliteStore({ path })).rejects.toThrow(/newer version.*hub-0001-notes/);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test("a migration that fails leaves the version that was there", async () => {
  const path = scratchFile();
  await (await openSqliteStore({ path })).close();
  const broken = {
    async up(db: Kysely<unknown>) {
      await notes.up(db);
      throw new Error("no room");
    },
  };
  await expect(openSqliteStore({ path, migrations: { "hub-0001-notes": broken } })).rejects.toThrow("migrating");
  const store = await openSqliteStore({ path, migrations: { "hub-0001-notes": notes } });
  await store.close();
});
