import type { Sqlite } from "@holdfast/runtime/sqlite";
import type DatabaseTypes from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import type { LargeLog } from "./large-log.ts";
import { beginImmediate } from "./write-lock.ts";

type Statement = DatabaseTypes.Statement<unknown[], unknown>;

/** More different statements than this are not of a fixed set: filters, mostly. */
const KEPT_STATEMENTS = 500;

/**
 * A connection with its prepared statements, and Kysely over the same. Both may be used only within `transaction`: a view
 * that outlives its own would otherwise write into somebody else's, or into none.
 */
export class Connection {
  readonly kysely: Kysely<unknown>;
  readonly #database: Sqlite;
  readonly #statements = new Map<string, Statement>();
  #open = false;

  readonly #log: LargeLog | undefined;

  /** `log` is that of a connection that writes to a file. */
  constructor(database: Sqlite, log?: LargeLog) {
    this.#database = database;
    this.#log = log;
    const guarded = { prepare: (sql: string) => this.prepare(sql), close: () => undefined };
    this.kysely = new Kysely({ dialect: new SqliteDialect({ database: guarded }) });
  }

  prepare(sql: string): Statement {
    if (!this.#open) throw new Error("a view or transaction was used after its end");
    return this.#statement(sql);
  }

  #statement(sql: string): Statement {
    const kept = this.#statements.get(sql);
    if (kept) return kept;
    if (this.#statements.size >= KEPT_STATEMENTS) this.#statements.clear();
    const statement = this.#database.prepare<unknown[], unknown>(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Commits what `work` did, or undoes it when it throws. One at a time. */
  async transaction<T>(mode: "deferred" | "immediate", work: () => Promise<T>): Promise<T> {
    if (mode === "immediate") await beginImmediate(this.#database);
    else this.#statement("begin deferred").run();
    this.#log?.begin();
    this.#open = true;
    try {
      const result = await work();
      this.#open = false;
      if (await this.#log?.flush()) this.#log?.commit();
      else this.#statement("commit").run();
      return result;
    } catch (error) {
      this.#open = false;
      // Some failures (a full disk) have ended the transaction already.
      if (this.#database.inTransaction) this.#database.exec("rollback");
      throw error;
    }
  }

  /** A number that changes when another connection has committed, and not when this one has (SQLite, PRAGMA data_version). */
  dataVersion(): number {
    return (this.#statement("pragma data_version").get() as { data_version: number }).data_version;
  }

  /** To be called between transactions. */
  tend(): void {
    this.#log?.tend();
  }

  async close(): Promise<void> {
    await this.#log?.settled();
    this.#database.close();
  }
}
