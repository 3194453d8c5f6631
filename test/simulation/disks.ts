import Database from "better-sqlite3";
import { SqliteStore } from "../../inventory/src/store/sqlite/sqlite-store.ts";
import { asAsked, betweenKillPoints, Program } from "./program.ts";

type Sqlite = Database.Database;

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
    prepare(sql: string): { run(): unknown };
    transaction(work: (...given: unknown[]) => unknown): (...given: unknown[]) => unknown;
  };
  const { exec, pragma, transaction, prepare } = prototype;
  const owned = new WeakSet<object>();

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
      if (sql !== "commit") return exec.call(this, sql);
      return betweenKillPoints("commit", () => exec.call(this, sql));
    },
    pragma(this: Sqlite, source: string, options?: unknown) {
      own(this);
      return pragma.call(this, /^synchronous = FULL$/.test(source) ? "synchronous = OFF" : source, options);
    },
    prepare(this: Sqlite, sql: string) {
      Program.current?.mustBeAlive();
      const statement = prepare.call(this, sql);
      // What only reads ends with a commit too, and leaves nothing behind that a death could come before.
      if (sql !== "commit" || this.readonly) return statement;
      const { run } = statement;
      return Object.assign(statement, { run: () => betweenKillPoints("commit", () => run.call(statement)) });
    },
    transaction(this: Sqlite, work: (...given: unknown[]) => unknown) {
      const whole = transaction.call(this, (...given: unknown[]) => {
        const result = work(...given);
        Program.current?.passes("before commit");
        return result;
      });
      return Object.assign((...given: unknown[]) => {
        if (this.inTransaction) return transaction.call(this, work)(...given);
        const result = whole(...given);
        Program.current?.passes("after commit");
        return result;
      }, whole);
    },
  });
}
