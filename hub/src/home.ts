import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Closable, Fault, systemCode } from "@holdfast/runtime";
import { openSqlite } from "@holdfast/runtime/sqlite";

/** Where a hub keeps its database. */
export function databaseOf(home: string): string {
  return join(home, "hub.db");
}

/** Makes the home, readable by its owner alone, and holds it: two hubs on one home would be two authorities. */
export function holdHome(home: string): Closable {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  chmodSync(home, 0o700);
  // A lock of SQLite's goes with the process, however that ends; a file with a pid in it would not.
  const lock = openSqlite(join(home, "lock.db"));
  try {
    lock.pragma("busy_timeout = 0");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if (systemCode(cause) !== "SQLITE_BUSY") throw cause;
    throw new Fault("FailedPrecondition", `${home} is in use by another hub: end that one, or choose another --home`, {
      cause,
    });
  }
  return {
    close: () => {
      lock.close();
    },
  };
}

/** Writes a file that only its owner reads, whole or not at all. */
export function writePrivate(path: string, content: string): void {
  writeFileSync(`${path}.new`, `${content}\n`, { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
}

/** The first line of a file; undefined when there is none. */
export function readFirstLine(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").split("\n")[0];
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
