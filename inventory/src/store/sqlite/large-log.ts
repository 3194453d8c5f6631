import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { LOG_PAGES, type Sqlite, takeInGrownLog } from "@holdfast/runtime/sqlite";

/** Bytes that a transaction may have in the log before its commit, and still all is done within that. */
const LARGE = 4 * 1024 * 1024;

/**
 * The write-ahead log of a database in a file, when one transaction makes it large. SQLite would flush it, copy it into the
 * database and flush that, all in the commit, and the process would do nothing else for seconds: here the flush goes before
 * the commit and the copy after it, both beside the event loop.
 */
export class LargeLog {
  readonly #database: Sqlite;
  readonly #path: string;
  #before = 0;
  #copying: Promise<void> | undefined;

  constructor(database: Sqlite, path: string) {
    this.#database = database;
    this.#path = path;
    // A log that has been copied begins anew and is cut to this, so growth beyond it is one transaction's.
    database.pragma(`journal_size_limit = ${LARGE}`);
  }

  /** A transaction begins. */
  begin(): void {
    this.#before = this.#size();
  }

  /** Brings what the transaction has in the log to the disk, where that is much. Returns whether it was. */
  async flush(): Promise<boolean> {
    if (this.#size() - this.#before <= LARGE) return false;
    const file = await open(`${this.#path}-wal`, "r+");
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
    return true;
  }

  /** Commits a large transaction and has its log copied; until it is, no other commit begins to. */
  commit(): void {
    this.#database.pragma("wal_autocheckpoint = 0");
    this.#database.exec("commit");
    const copying = Promise.all([this.#copying, this.#copied()]).then(() => {
      if (this.#copying !== copying) return;
      this.#copying = undefined;
      this.#database.pragma(`wal_autocheckpoint = ${LOG_PAGES}`);
    });
    this.#copying = copying;
  }

  /** Copies the log where a commit should have and could not. Throws why it cannot be copied. */
  tend(): void {
    if (!this.#copying) takeInGrownLog(this.#database);
  }

  /** Resolves when nothing is being copied. */
  async settled(): Promise<void> {
    await this.#copying;
  }

  /** On a thread of its own. Resolves also when that fails: the next commit copies what is left. */
  #copied(): Promise<void> {
    return new Promise((resolve) => {
      const thread = new Worker(new URL("./copy-log.ts", import.meta.url), { workerData: this.#path });
      thread.once("error", () => resolve()).once("exit", () => resolve());
    });
  }

  #size(): number {
    return statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }
}
