import { existsSync, statSync } from "node:fs";
import { type Clock, Fault, type Log, silentLog, systemClock } from "@holdfast/runtime";
import { openSqlite, type Sqlite } from "@holdfast/runtime/sqlite";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import type { Migration } from "kysely/migration";
import type { Store } from "../contract.ts";
import { migrate, migrationsWith, unknownMigrations } from "../migrations/migrate.ts";
import { Connection } from "./connection.ts";
import { LargeLog } from "./large-log.ts";
import { SqliteStore } from "./sqlite-store.ts";

export interface SqliteOptions {
  /** A file, made when absent, or `:memory:`. */
  readonly path: string;
  /** Of the program's own tables; names begin with a letter and never change. */
  readonly migrations?: Readonly<Record<string, Migration>>;
  readonly clock?: Clock;
  readonly log?: Log;
}

/**
 * Opens the store in a SQLite file, brought to this program's version. Throws FailedPrecondition, and leaves the file as
 * it is, when a newer version or another program made it.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const { path, clock = systemClock, log = silentLog } = options;
  const migrations = migrationsWith(options.migrations);
  const database = await openOwn(path, migrations);
  try {
    const ran = await migrateWhole(database, migrations);
    if (ran.length > 0) log.info({ path, migrations: ran }, "database migrated");
  } catch (cause) {
    database.close();
    throw new Error(`migrating ${path}`, { cause });
  }
  if (path === ":memory:") return new SqliteStore({ writer: new Connection(database), reader: undefined, clock, log });
  const writer = new Connection(database, new LargeLog(database, path));
  return new SqliteStore({ writer, reader: new Connection(openReader(path)), clock, log });
}

/** Opens the writing connection, unless the file is another's or none of SQLite's. */
async function openOwn(path: string, migrations: Record<string, Migration>): Promise<Sqlite> {
  try {
    await refuseForeign(path, migrations);
    return openSqlite(path);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("FailedPrecondition", `${path} cannot be opened as a database`, { cause });
  }
}

function openReader(path: string): Sqlite {
  const reader = new Database(path, { readonly: true });
  reader.pragma("busy_timeout = 5000");
  return reader;
}

/** Whoever died while writing has left what undoes it, and a reader may not do that: SQLite does it for whoever may write. */
function finishUndoing(path: string): void {
  if (!existsSync(`${path}-journal`)) return;
  const database = new Database(path);
  try {
    database.pragma("schema_version");
  } finally {
    database.close();
  }
}

function overConnection(database: Sqlite): Kysely<unknown> {
  return new Kysely({ dialect: new SqliteDialect({ database }) });
}

async function refuseForeign(path: string, known: Record<string, Migration>): Promise<void> {
  if (path === ":memory:" || !existsSync(path) || statSync(path).size === 0) return;
  finishUndoing(path);
  const database = openReader(path);
  try {
    const unknown = await unknownMigrations(overConnection(database), known);
    if (unknown.length === 0) return;
    throw new Fault(
      "FailedPrecondition",
      `${path} was made by a newer version or by another program: it has had ${unknown.join(", ")}`,
    );
  } finally {
    database.close();
  }
}

/** All migrations or none: a process that dies in the middle leaves the version that was there. */
async function migrateWhole(database: Sqlite, migrations: Record<string, Migration>): Promise<string[]> {
  database.exec("begin immediate");
  try {
    const ran = await migrate(overConnection(database), migrations);
    database.exec("commit");
    return ran;
  } catch (error) {
    database.exec("rollback");
    throw error;
  }
}
