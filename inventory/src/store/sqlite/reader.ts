import type { Sqlite } from "@holdfast/runtime/sqlite";
import { Mutex } from "../mutex.ts";
import type { Sealer } from "../secrets/sealer.ts";
import { Connection } from "./connection.ts";
import { SqliteHotPaths } from "./hot-paths.ts";

interface Opened {
  readonly connection: Connection;
  readonly hot: SqliteHotPaths;
}

/** A connection for reads, opened when the first one comes; they go one at a time. */
export class Reader {
  readonly turns = new Mutex();
  readonly #open: () => Sqlite;
  readonly #sealer: Sealer;
  #opened: Opened | undefined;

  constructor(open: () => Sqlite, sealer: Sealer) {
    this.#open = open;
    this.#sealer = sealer;
  }

  /** Runs against one snapshot; to be called in a turn. */
  snapshot<T>(work: (opened: Opened) => Promise<T>): Promise<T> {
    this.#opened ??= open(this.#open, this.#sealer);
    const opened = this.#opened;
    return opened.connection.transaction("deferred", () => work(opened));
  }

  /** Waits for what has begun. */
  close(): Promise<void> {
    return this.turns.run(async () => this.#opened?.connection.close());
  }
}

function open(database: () => Sqlite, sealer: Sealer): Opened {
  const connection = new Connection(database());
  return { connection, hot: new SqliteHotPaths(connection, sealer) };
}
