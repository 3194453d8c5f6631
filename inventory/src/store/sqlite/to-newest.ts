import type { Sqlite } from "@holdfast/runtime/sqlite";
import { Kysely, SqliteDialect } from "kysely";
import type { Migration } from "kysely/migration";
import { migrate, migrationsWith } from "../migrations/migrate.ts";
import { Blueprint } from "./blueprint.ts";
import { beginImmediate } from "./write-lock.ts";

/** Of a program's own tables, by name. */
export type Migrations = Readonly<Record<string, Migration>>;

/**
 * By a program's own migrations. A program makes its database once; a test or a simulation makes hundreds in one process, and
 * all but the first are made from this.
 */
const blueprints = new WeakMap<Migrations, Blueprint>();

/** Names of the migrations that a database has had; none when it is new. */
export function migrationsHad(database: Sqlite): string[] {
  const table = database.prepare("select 1 from sqlite_schema where name = 'kysely_migration'").get();
  return table ? (database.prepare("select name from kysely_migration order by name").pluck().all() as string[]) : [];
}

/**
 * Brings a database to the program's version and returns what it had not had. All migrations or none: a process that dies in
 * the middle leaves the version that was there. Nothing is locked where nothing is to be done.
 */
export async function toNewest(database: Sqlite, own: Migrations): Promise<string[]> {
  const wanted = migrationsWith(own);
  const had = new Set(migrationsHad(database));
  if (Object.keys(wanted).every((name) => had.has(name))) return [];
  await beginImmediate(database);
  try {
    const ran = isEmpty(database) ? await make(database, own, wanted) : await migrateOver(database, wanted);
    database.exec("commit");
    return ran;
  } catch (error) {
    // Some failures (a full disk) have ended the transaction already.
    if (database.inTransaction) database.exec("rollback");
    throw error;
  }
}

async function make(database: Sqlite, own: Migrations, wanted: Migrations): Promise<string[]> {
  const known = blueprints.get(own);
  if (known) {
    known.build(database);
    return Object.keys(wanted);
  }
  const ran = await migrateOver(database, wanted);
  blueprints.set(own, new Blueprint(database));
  return ran;
}

function migrateOver(database: Sqlite, wanted: Migrations): Promise<string[]> {
  return migrate(new Kysely({ dialect: new SqliteDialect({ database }) }), wanted);
}

function isEmpty(database: Sqlite): boolean {
  return database.prepare("select 1 from sqlite_schema limit 1").get() === undefined;
}
