import { AsyncLocalStorage } from "node:async_hooks";
import { type Clock, type Log, nextTurn } from "@holdfast/runtime";
import type { Commit, Store, Transaction, View } from "../contract.ts";
import { Mutex } from "../mutex.ts";
import type { Sealer } from "../secrets/sealer.ts";
import { StoreTransaction } from "../transaction.ts";
import { StoreView } from "../view.ts";
import type { Connection } from "./connection.ts";
import { asDiskFault } from "./disk-fault.ts";
import { SqliteHotPaths } from "./hot-paths.ts";
import type { Reader } from "./reader.ts";

/** A transaction that holds the writer for longer than this is worth a line in the log: everybody else waits. */
const LONG = 1_000;

interface Parts {
  readonly writer: Connection;
  /** Absent for a database in memory, which a second connection cannot see: reads then wait for writes. */
  readonly readers: { readonly quick: Reader; readonly long: Reader } | undefined;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly log: Log;
}

/** Thrown through a read that is to go on where it holds up nobody. */
class TakesLong extends Error {}

/**
 * The store over one writing connection and two that read: one whose reads are over before the event loop goes round, so that
 * nobody waits for long, and one for those that are not. In memory there is but one.
 */
export class SqliteStore implements Store {
  readonly #parts: Parts;
  readonly #writes = new Mutex();
  readonly #inside = new AsyncLocalStorage<{ readonly what: "read" | "write"; over: boolean }>();
  readonly #listeners = new Set<(commit: Commit) => void>();
  readonly #writerHot: SqliteHotPaths;
  #seenVersion: number | undefined;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#writerHot = new SqliteHotPaths(parts.writer, parts.sealer);
  }

  async read<T>(work: (view: View) => Promise<T>): Promise<T> {
    const { readers } = this.#parts;
    if (!readers) return this.#readInMemory(work);
    try {
      return await this.#readWith(readers.quick, work, () => Promise.reject(new TakesLong("begins anew")));
    } catch (error) {
      if (!(error instanceof TakesLong)) throw error;
      return await this.#readWith(readers.long, work, nextTurn);
    }
  }

  #readInMemory<T>(work: (view: View) => Promise<T>): Promise<T> {
    const { writer } = this.#parts;
    const view = new StoreView({ kysely: writer.kysely, like: "like" }, this.#writerHot, nextTurn);
    return this.#alone("read", this.#writes, () => writer.transaction("deferred", () => work(view)));
  }

  #readWith<T>(reader: Reader, work: (view: View) => Promise<T>, letOthers: () => Promise<void>): Promise<T> {
    return this.#alone("read", reader.turns, () =>
      reader
        .snapshot(({ connection, hot }) =>
          work(new StoreView({ kysely: connection.kysely, like: "like" }, hot, letOthers)),
        )
        .catch((error: unknown) => {
          throw asDiskFault(error);
        }),
    );
  }

  write<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#alone("write", this.#writes, async () => {
      const { writer, clock, log } = this.#parts;
      const transaction = new StoreTransaction({ kysely: writer.kysely, like: "like" }, this.#writerHot, nextTurn);
      const from = clock.monotonic();
      const result = await writer
        .transaction("immediate", async () => {
          const done = await work(transaction);
          await transaction.noteRevisions();
          return done;
        })
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
    const { writer, readers } = this.#parts;
    await Promise.all([readers?.quick.close(), readers?.long.close()]);
    await this.#writes.run(async () => writer.close());
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
