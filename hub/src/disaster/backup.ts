import { chmodSync, closeSync, existsSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Fault, systemCode } from "@holdfast/runtime";
import { makeDurable, renameDurably } from "@holdfast/runtime/durable-file";
import { openSqliteReadOnly } from "@holdfast/runtime/sqlite";
import { requireDatabase } from "../home.ts";
import { isSameFile, pathFault, refuseNoFile, removeDatabase } from "./files.ts";
import { type HubContents, inspectDatabase } from "./inspect.ts";

export interface BackupRequest {
  readonly home: string;
  /** Where the copy shall be. */
  readonly file: string;
  /** Whether a file of that name is replaced. */
  readonly force: boolean;
}

/**
 * Copies the database of a home into one file, whether or not a hub runs on it: one moment of it, checked whole before it
 * gets its name, durable when this returns, its owner's alone. A hub that runs is not held up. Throws a `Fault` and leaves
 * nothing behind when that cannot be done.
 */
export function backUp({ home, file, force }: BackupRequest): HubContents {
  const source = requireDatabase(home);
  const target = resolve(file);
  refuseTarget({ source, target, force });
  const part = `${target}.${process.pid}.part`;
  try {
    // Private before anything is in it. SQLite takes an empty file for none.
    closeSync(openSync(part, "wx", 0o600));
    chmodSync(part, 0o600);
    copy(source, part);
    const contents = inspectDatabase(part);
    makeDurable(part);
    refuseTarget({ source, target, force });
    renameDurably(part, target);
    return contents;
  } catch (cause) {
    removeDatabase(part);
    throw pathFault(target, "writing", cause);
  }
}

/**
 * One statement reads one moment of the database, beside those who write. Copying it page by page would begin anew with
 * every commit of another process (see the decision on backups).
 */
function copy(source: string, part: string): void {
  try {
    const database = openSqliteReadOnly(source);
    try {
      database.prepare("vacuum into ?").run(part);
    } finally {
      database.close();
    }
  } catch (cause) {
    if (!/^SQLITE_(CORRUPT|NOTADB)/.test(systemCode(cause) ?? "")) throw cause;
    throw new Fault("FailedPrecondition", `${source} is damaged, no backup can be made of it`, { cause });
  }
}

function refuseTarget({ source, target, force }: { source: string; target: string; force: boolean }): void {
  if (!existsSync(dirname(target))) {
    throw new Fault("FailedPrecondition", `FILE: there is no directory ${dirname(target)}`);
  }
  if (!existsSync(target)) return;
  refuseNoFile(target);
  if (isSameFile(source, target)) {
    throw new Fault("FailedPrecondition", `FILE: ${target} is the hub's own database, not a place for its copy`);
  }
  if (!force) throw new Fault("AlreadyExists", `FILE: ${target} is there already (--force replaces it)`);
}
