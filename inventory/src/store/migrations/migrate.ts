import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { firstKinds } from "./first-kinds.ts";
import { knownWrites } from "./known-writes.ts";
import { logs } from "./logs.ts";
import { observedUnknown } from "./observed-unknown.ts";
import { retired } from "./retired.ts";

/** The inventory's own, by name. A name is for ever: a database remembers which of them it has had. */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-first-kinds": firstKinds,
  "0002-logs": logs,
  "0003-known-writes": knownWrites,
  "0004-retired": retired,
  "0005-observed-unknown": observedUnknown,
};

/** The inventory's migrations and a program's own, which come after: their names begin with a letter. */
export function migrationsWith(own: Readonly<Record<string, Migration>> = {}): Record<string, Migration> {
  const wrong = Object.keys(own).find((name) => !/^[a-z]/.test(name));
  if (wrong !== undefined) throw new TypeError(`the migration ${wrong} must have a name that begins with a letter`);
  return { ...MIGRATIONS, ...own };
}

/** Names of the migrations that a database has had and that this program does not know; it has had none when new. */
export async function unknownMigrations(db: Kysely<unknown>, known: Record<string, Migration>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === "kysely_migration")) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
  return rows.map((row) => row.name).filter((name) => !(name in known));
}

/**
 * Brings a database to the newest version, or throws the error of the migration that failed. Whoever calls wraps it in
 * a transaction where the dialect has no transactional migrations of its own.
 */
export async function migrate(db: Kysely<unknown>, migrations: Record<string, Migration>): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    // The inventory's later migrations sort before a program's that have already run.
    allowUnorderedMigrations: true,
  });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
  return results.map((result) => result.migrationName);
}
