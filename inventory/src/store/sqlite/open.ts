import { randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { type Clock, Fault, type Log, silentLog, systemClock } from "@holdfast/runtime";
import { BUSY_TIMEOUT, openSqlite, type Sqlite } from "@holdfast/runtime/sqlite";
import Database from "better-sqlite3";
import type { Store } from "../contract.ts";
import { migrationsWith } from "../migrations/migrate.ts";
import { openRing, type SecretsKey } from "../secrets/key-ring.ts";
import { sealAll } from "../secrets/seal-all.ts";
import { NO_KEY, type Sealer } from "../secrets/sealer.ts";
import { KEY_BYTES } from "../secrets/sealing.ts";
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
  /** By which secrets are sealed. Without it a file takes and tells none; what is in memory makes one for itself. */
  readonly secretsKey?: SecretsKey;
  readonly clock?: Clock;
  readonly log?: Log;
}

/**
 * Opens the store in a SQLite file, brought to this program's version. Throws FailedPrecondition, and leaves the file as
 * it is, when a newer version or another program made it, or when the key is another than that of the secrets in it.
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
  const sealer = sealerOf(database, { ...options, log });
  if (path === ":memory:") {
    return new SqliteStore({ writer: new Connection(database), readers: undefined, sealer, clock, log });
  }
  const writer = new Connection(database, new LargeLog(database, path));
  const readers = {
    quick: new Reader(() => openReader(path), sealer),
    long: new Reader(() => openReader(path, LONG_CACHE), sealer),
  };
  return new SqliteStore({ writer, readers, sealer, clock, log });
}

/** How the secrets of a database are sealed, once all of them are. */
function sealerOf(database: Sqlite, { path, secretsKey, log }: SqliteOptions & { readonly log: Log }): Sealer {
  const key = secretsKey ?? (path === ":memory:" ? { bytes: randomBytes(KEY_BYTES), from: "memory" } : undefined);
  if (!key) return NO_KEY;
  try {
    const ring = openRing(database, key, path);
    if (!sealAll(database, ring)) {
      log.warn(
        { path },
        "secrets are sealed now, and what they were may still be in the file: it will be written anew at the next start",
      );
    }
    return ring;
  } catch (cause) {
    database.close();
    throw cause;
  }
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
