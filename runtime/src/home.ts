import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { writeDurably } from "./durable-file.ts";
import { Fault, systemCode } from "./errors.ts";
import type { Closable } from "./lifecycle.ts";
import { openSqlite } from "./sqlite.ts";

/**
 * Makes a program's home, readable by its owner alone, and holds it until closed: two of a program on one home would
 * both believe that what is there is theirs. A folder that was there keeps its rights, for it may be anybody's; what is
 * put in it is private in itself. Throws FailedPrecondition when another has it, or it cannot be had.
 */
export function holdHome(home: string, program: string): Closable {
  const lock = openLock(home);
  try {
    lock.pragma("busy_timeout = 0");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if (systemCode(cause) !== "SQLITE_BUSY") throw cause;
    const message = `${home} is in use by another ${program}: end that one, or choose another --home`;
    throw new Fault("FailedPrecondition", message, { cause });
  }
  return {
    close: () => {
      lock.close();
    },
  };
}

function openLock(home: string) {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    // A lock of SQLite's goes with the process, however that ends; a file with a pid in it would not.
    return openSqlite(join(home, "lock.db"));
  } catch (cause) {
    throw new Fault("FailedPrecondition", `--home ${home} cannot be used`, { cause });
  }
}

/** Writes a file of one line that only its owner reads, durably: whole or not at all, also when the power goes. */
export function writePrivate(path: string, line: string): void {
  writeDurably(path, `${line}\n`);
}
