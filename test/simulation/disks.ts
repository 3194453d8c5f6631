import Database from "better-sqlite3";
import { SqliteStore } from "../../inventory/src/store/sqlite/sqlite-store.ts";
import { asAsked, betweenKillPoints, Program } from "./program.ts";

type Sqlite = Database.Database;

interface Statement {
  run(...given: unknown[]): unknown;
  all(...given: unknown[]): unknown;
  get(...given: unknown[]): unknown;
}

/** What changes a table, and which. */
const WRITES = /^\s*(?:insert(?: or \w+)? into|update|delete from)\s+"?(\w+)/i;

const databasesOf = new WeakMap<Program, Set<Sqlite>>();

/** What SQLite can count to. */
const ROOM = 0xfffffffe;

/** Leaves no room on a program's disk but what its databases have inside. */
export function fillDisk(program: Program): void {
  for (const database of openOf(program)) database.pragma("max_page_count = 1");
}

/** There is room again. */
export function clearDisk(program: Program): void {
  for (const database of openOf(program)) database.pragma(`max_page_count = ${ROOM}`);
}

function openOf(program: Program): Sqlite[] {
  return [...(databasesOf.get(program) ?? [])].filter((database) => database.open && !database.readonly);
}

/**
 * Lets programs be killed before and after what they commit, and closes what a dead one had open, as a kernel does. No flush
 * to a disk is waited for: here programs die and machines do not.
 */
export function installDisks(): void {
  const prototype = Database.prototype as unknown as {
    exec(sql: string): Sqlite;
    pragma(source: string, options?: unknown): unknown;
    prepare(sql: string): Statement;
    transaction(work: (...given: unknown[]) => unknown): (...given: unknown[]) => unknown;
  };
  const { exec, pragma, transaction, prepare } = prototype;
  const owned = new WeakSet<object>();
  /** The tables that a transaction has written to, by its database. */
  const written = new WeakMap<Sqlite, Set<string>>();

  /** A commit of what was written; one of nothing leaves nothing behind that a death could come before. */
  const committed = (database: Sqlite, commit: () => unknown) => {
    const about = whatIsWritten(database);
    return about ? betweenKillPoints("commit", commit, about) : commit();
  };
  const whatIsWritten = (database: Sqlite) => {
    const tables = written.get(database);
    written.delete(database);
    return tables && (() => [...tables].sort().join(", "));
  };

  const own = (database: Sqlite) => {
    const program = Program.current;
    if (!program || owned.has(database)) return;
    owned.add(database);
    const open = databasesOf.get(program) ?? new Set();
    databasesOf.set(program, open.add(database));
    program.owns(() => {
      open.delete(database);
      database.close();
    });
  };
  // Writes wait for one another, and by the time they are committed nobody could tell whose they are.
  const { write } = SqliteStore.prototype;
  SqliteStore.prototype.write = function (work) {
    return asAsked(() => write.call(this, work)) as ReturnType<typeof work>;
  };
  Object.assign(prototype, {
    exec(this: Sqlite, sql: string) {
      own(this);
      if (sql === "rollback") written.delete(this);
      return sql === "commit" ? committed(this, () => exec.call(this, sql)) : exec.call(this, sql);
    },
    pragma(this: Sqlite, source: string, options?: unknown) {
      own(this);
      return pragma.call(this, /^synchronous = FULL$/.test(source) ? "synchronous = OFF" : source, options);
    },
    prepare(this: Sqlite, sql: string) {
      Program.current?.mustBeAlive();
      const statement = prepare.call(this, sql);
      if (this.readonly) return statement;
      const { run, all, get } = statement;
      if (sql === "commit") return Object.assign(statement, { run: () => committed(this, () => run.call(statement)) });
      const [, table] = WRITES.exec(sql) ?? [];
      if (table === undefined) return statement;
      const noting = (step: Statement["run"]) => {
        return (...given: unknown[]) => {
          if (this.inTransaction) written.set(this, (written.get(this) ?? new Set()).add(table));
          return step.apply(statement, given);
        };
      };
      return Object.assign(statement, { run: noting(run), all: noting(all), get: noting(get) });
    },
    transaction(this: Sqlite, work: (...given: unknown[]) => unknown) {
      let about: (() => string) | undefined;
      const whole = transaction.call(this, (...given: unknown[]) => {
        const result = work(...given);
        about = whatIsWritten(this);
        if (about) Program.current?.passes("before commit", about);
        return result;
      });
      return Object.assign((...given: unknown[]) => {
        if (this.inTransaction) return transaction.call(this, work)(...given);
        const result = whole(...given);
        if (about) Program.current?.passes("after commit", about);
        return result;
      }, whole);
    },
  });
}
