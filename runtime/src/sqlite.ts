import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { systemCode } from "./errors.ts";

export type Sqlite = Database.Database;

/** Milliseconds for which SQLite waits, and this process with it, when a database is locked. */
export const BUSY_TIMEOUT = 5_000;

/**
 * A SQLite database of ours: write-ahead log, `synchronous=FULL` (an acknowledged write survives power loss), foreign
 * keys on, readable by its owner alone. `:memory:` works. Throws when the file is no database of ours.
 */
export function openSqlite(path: string): Sqlite {
  if (path !== ":memory:") {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // The file holds hashes of secrets and operators' names: made private before anything is in it.
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
  }
  const database = new Database(path);
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    database.pragma(`busy_timeout = ${BUSY_TIMEOUT}`);
    takeInLog(database);
  } catch (cause) {
    database.close();
    throw new Error(`opening ${path}`, { cause });
  }
  return database;
}

/**
 * Copies what the log holds into the database and flushes it there. A process that was killed after a flush of the log had
 * failed leaves commits in it that can be read and are not on the disk: what is built on them would go with them when the
 * power does (docs/decisions/0014-after-a-failed-flush.md). Where the disk has no room for that, it can be read all the same.
 */
function takeInLog(database: Sqlite): void {
  try {
    database.pragma("wal_checkpoint(PASSIVE)");
  } catch (error) {
    if (!/^SQLITE_(FULL|IOERR|READONLY|BUSY|LOCKED)/.test(systemCode(error) ?? "")) throw error;
  }
}

/** Pages in the log at which SQLite takes them into the database by itself, within a commit. */
export const LOG_PAGES = 1_000;

/**
 * Takes the log into the database where SQLite should have done so at a commit and has not: where it cannot, it keeps that to
 * itself, and the log grows. Throws why it cannot be done, or that a transaction is open. Otherwise costs some microseconds.
 */
export function takeInGrownLog(database: Sqlite): void {
  const [level] = database.pragma("wal_checkpoint(NOOP)") as { log: number; checkpointed: number }[];
  if (level && level.log - level.checkpointed >= LOG_PAGES) database.pragma("wal_checkpoint(PASSIVE)");
}

/**
 * A database that is only looked at: nothing is made, and no mode of it changes. Throws when there is no such file or it is
 * no database.
 */
export function openSqliteReadOnly(path: string): Sqlite {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    database.pragma(`busy_timeout = ${BUSY_TIMEOUT}`);
    // It may be anybody's: what its schema says is not run with the rights of this program.
    database.pragma("trusted_schema = OFF");
    database.prepare("select count(*) from sqlite_schema").get();
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}
