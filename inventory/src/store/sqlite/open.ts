import { existsSync, statSync } from "node:fs";
import { type Clock, Fault, type Log, silentLog, systemClock } from "@holdfast/runtime";
import { BUSY_TIMEOUT, openSqlite, type Sqlite } from "@holdfast/runtime/sqlite";
import Database from "better-sqlite3";
import type { Store } from "../contract.ts";
import { migrationsWith } from "../migrations/migrate.ts";
import { Connection } from "./connection.ts";
import { LargeLog } from "./large-log.ts";
import { Reader } from "./reader.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { type Migrations, migrationsHad, toNewest } from "./to-newest.ts";

/** Of a store that holds the inventory's tables alone. */
const NONE: Migrations = {};

export interface SqliteOptions {
  /** A file, made when absent, or `:memory:`. */
  readonly path: string;
  /** Of the program's own tables; names begin with a letter and never change. */
  readonly migrations?: Migrations;
  readonly clock?: Clock;
  readonly log?: Log;
}

/**
 * Opens the store in a SQLite file, brought to this program's version. Throws FailedPrecondition, and leaves the file as
 * it is, when a newer version or another program made it.
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const { path, migrations = NONE, clock = systemClock, log = silentLog } = options;
  const database = openOwn(path, migrationsWith(migrations));
  try {
    const ran = await toNewest(database, migrations);
    if (ran.length > 0) log.info({ path, migrations: ran }, "database migrated");
  } catch (cause) {
    database.close();
    throw new Error(`migrating ${path}`, { cause });
  }
  if (path === ":memory:") return new SqliteStore({ writer: new Connection(database), readers: undefined, clock, log });
  const writer = new Connection(database, new LargeLog(database, path));
  const readers = { quick: new Reader(() => openReader(path)), long: new Reader(() => openReader(path, LONG_CACHE)) };
  return new SqliteStore({ writer, readers, clock, log });
}

/** Bytes that the connection for long reads keeps of the database: they hardly come twice to the same place. */
const LONG_CACHE = 2 * 1024 * 1024;

/** Opens the writing connection, unless the file is another's or none of SQLite's. */
function openOwn(path: string, known: Migrations): Sqlite {
  try {
    refuseForeign(path, known);
    return openSqlite(path);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("FailedPrecondition", `${path} cannot be opened as a database`, { cause });
  }
}

function openReader(path: string, cache?: number): Sqlite {
  const reader = new Database(path, { readonly: true });
  reader.pragma(`busy_timeout = ${BUSY_TIMEOUT}`);
  if (cache !== undefined) reader.pragma(`cache_size = -${cache / 1024}`);
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

function refuseForeign(path: string, known: Migrations): void {
  if (path === ":memory:" || !existsSync(path) || statSync(path).size === 0) return;
  finishUndoing(path);
  const database = openReader(path);
  try {
    const unknown = migrationsHad(database).filter((name) => !(name in known));
    if (unknown.length === 0) return;
    throw new Fault(
      "FailedPrecondition",
      `${path} was made by a newer version or by another program: it has had ${unknown.join(", ")}`,
    );
  } finally {
    database.close();
  }
}
