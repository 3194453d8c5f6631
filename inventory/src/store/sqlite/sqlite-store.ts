import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock, Log } from "@holdfast/runtime";
import type { Commit, Store, Transaction, View } from "../contract.ts";
import { Mutex } from "../mutex.ts";
import { StoreTransaction } from "../transaction.ts";
import { StoreView } from "../view.ts";
import type { Connection } from "./connection.ts";
import { asDiskFault } from "./disk-fault.ts";
import { SqliteHotPaths } from "./hot-paths.ts";

/** A transaction that holds the writer for longer than this is worth a line in the log: everybody else waits. */
const LONG = 1_000;

interface Parts {
  readonly writer: Connection;
  /** Absent for a database in memory, which a second connection cannot see: reads then wait for writes. */
  readonly reader: Connection | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** The store over one writing and one reading connection. */
export class SqliteStore implements Store {
  readonly #parts: Parts;
  readonly #writes = new Mutex();
  readonly #reads: Mutex;
  readonly #inside = new AsyncLocalStorage<{ readonly what: "read" | "write"; over: boolean }>();
  readonly #listeners = new Set<(commit: Commit) => void>();
  readonly #writerHot: SqliteHotPaths;
  readonly #reading: { readonly connection: Connection; readonly hot: SqliteHotPaths };
  #seenVersion: number | undefined;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#reads = parts.reader ? new Mutex() : this.#writes;
    this.#writerHot = new SqliteHotPaths(parts.writer);
    this.#reading = parts.reader
      ? { connection: parts.reader, hot: new SqliteHotPaths(parts.reader) }
      : { connection: parts.writer, hot: this.#writerHot };
  }

  read<T>(work: (view: View) => Promise<T>): Promise<T> {
    return this.#alone("read", this.#reads, () => {
      const { connection, hot } = this.#reading;
      const view = new StoreView({ kysely: connection.kysely, like: "like" }, hot);
      return connection
        .transaction("deferred", () => work(view))
        .catch((error: unknown) => {
          throw asDiskFault(error);
        });
    });
  }

  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#alone("write", this.#writes, async () => {
      const { writer, clock, log } = this.#parts;
      const transaction = new StoreTransaction({ kysely: writer.kysely, like: "like" }, this.#writerHot);
      const from = clock.monotonic();
      const result = await writer
        .transaction("immediate", () => work(transaction))
        .catch((error: unknown) => {
          throw asDiskFault(error);
        });
      const took = clock.monotonic() - from;
      if (took > LONG) log.warn({ milliseconds: Math.round(took) }, "a transaction kept others waiting");
      this.#tell(transaction.commit());
      return result;
    });
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  writtenElsewhere(): boolean {
    const version = this.#parts.writer.dataVersion();
    const isOther = version !== this.#seenVersion;
    this.#seenVersion = version;
    return isOther;
  }

  tend(): Promise<void> {
    return this.#alone("write", this.#writes, async () => this.#parts.writer.tend());
  }

  /** Waits for what has begun; whatever is asked after is refused. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#reads.run(async () => this.#parts.reader?.close());
    await this.#writes.run(async () => this.#parts.writer.close());
  }

  async #alone<T>(what: "read" | "write", mutex: Mutex, work: () => Promise<T>): Promise<T> {
    const outer = this.#inside.getStore();
    if (outer && !outer.over) {
      throw new Error(`a ${what} inside a ${outer.what} would wait for itself: use what the ${outer.what} was given`);
    }
    if (this.#closed) throw new Error("the store is closed");
    return mutex.run(async () => {
      const here = { what, over: false };
      try {
        return await this.#inside.run(here, work);
      } finally {
        here.over = true;
      }
    });
  }

  #tell(commit: Commit | undefined): void {
    if (!commit) return;
    for (const listener of this.#listeners) {
      try {
        // What a listener starts is not part of the transaction.
        this.#inside.exit(() => listener(commit));
      } catch (error) {
        this.#parts.log.error({ err: error }, "a listener to commits failed");
      }
    }
  }
}
