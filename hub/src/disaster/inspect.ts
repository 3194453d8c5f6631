import { statSync } from "node:fs";
import { APPEND_ONLY } from "@holdfast/inventory/store/migrations/audit";
import { migrationsWith } from "@holdfast/inventory/store/migrations/migrate";
import { neededKey } from "@holdfast/inventory/store/secrets/key-ring";
import { hasUnsealed } from "@holdfast/inventory/store/secrets/seal-all";
import { tableOf } from "@holdfast/inventory/store/table";
import { KINDS } from "@holdfast/protocol";
import { Fault, systemCode } from "@holdfast/runtime";
import { openSqliteReadOnly, type Sqlite } from "@holdfast/runtime/sqlite";
import { HUB_MIGRATIONS } from "../tables.ts";
import { pathFault } from "./files.ts";

/** What a hub's database holds, and which life of the hub it is of. */
export interface HubContents {
  readonly epoch: string;
  /** All lives, oldest first, this one last. */
  readonly lineage: readonly string[];
  /** How far its feeds have got. */
  readonly position: number;
  readonly projects: number;
  readonly tokens: number;
  /** How many there are, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Of the newest change of intent, milliseconds since the epoch. */
  readonly changedAt: number | undefined;
  readonly bytes: number;
  /** Id of the key that its secrets are sealed by; null when it holds none, `unsealed` when they may be in the clear. */
  readonly secrets: string | "unsealed" | null;
}

/**
 * Reads a database file whole and says what it holds. Throws FailedPrecondition, saying which, when it is damaged, cut short,
 * no hub's, or of a newer version than this program, under the name that people know it by. Nothing is written.
 */
export function inspectDatabase(path: string, name = path): HubContents {
  try {
    const database = openSqliteReadOnly(path);
    try {
      refusePrograms(name, database);
      refuseForeign(name, database);
      refuseDamaged(name, database);
      return { ...contentsOf(database), bytes: statSync(path).size };
    } finally {
      database.close();
    }
  } catch (cause) {
    const code = systemCode(cause) ?? "";
    if (code === "SQLITE_NOTADB") throw new Fault("FailedPrecondition", `${name} is no database`, { cause });
    if (!/^SQLITE_(CORRUPT|IOERR)/.test(code)) throw pathFault(name, "reading", cause);
    throw new Fault("FailedPrecondition", `${name} is damaged or cut short`, { cause });
  }
}

/**
 * A hub's database is tables and indices, and what keeps its log of changes as it is. What else a file can hold would act when the hub writes, in the hub's name: nobody
 * takes that over with a backup.
 */
function refusePrograms(path: string, database: Sqlite): void {
  const found = database
    .prepare(
      `select type || ' ' || name as name from sqlite_schema
        where (type not in ('table', 'index') or sql like 'create virtual%')
          and sql not in (select value from json_each(?)) limit 5`,
    )
    .all(JSON.stringify(APPEND_ONLY)) as { readonly name: string }[];
  if (found.length === 0) return;
  const names = found.map(({ name }) => name).join(", ");
  throw new Fault("FailedPrecondition", `the database ${path} is no hub's: it holds more than tables (${names})`);
}

function refuseForeign(path: string, database: Sqlite): void {
  const had = migrationsOf(database);
  if (!had.some((name) => name.startsWith("hub-"))) {
    const whose = had.some((name) => name.startsWith("site-")) ? "a site's, not a hub's" : "no hub's";
    throw new Fault("FailedPrecondition", `the database ${path} is ${whose}`);
  }
  const known = migrationsWith(HUB_MIGRATIONS);
  const unknown = had.filter((name) => !(name in known));
  if (unknown.length > 0) {
    const message = `${path} is of a newer version of the hub than this one: it has had ${unknown.join(", ")}`;
    throw new Fault("FailedPrecondition", message);
  }
}

function refuseDamaged(path: string, database: Sqlite): void {
  const found = database.pragma("integrity_check(5)", { simple: true });
  if (found !== "ok") throw new Fault("FailedPrecondition", `${path} is damaged: ${String(found)}`);
  const broken = database.pragma("foreign_key_check") as { readonly table: string }[];
  if (broken.length === 0) return;
  const tables = [...new Set(broken.map(({ table }) => table))].join(", ");
  throw new Fault("FailedPrecondition", `${path} is damaged: ${broken.length} rows refer to nothing (${tables})`);
}

function migrationsOf(database: Sqlite): string[] {
  if (!tablesOf(database).has("kysely_migration")) return [];
  const rows = database.prepare("select name from kysely_migration order by name").all() as { readonly name: string }[];
  return rows.map(({ name }) => name);
}

function tablesOf(database: Sqlite): ReadonlySet<string> {
  const rows = database.prepare("select name from sqlite_schema where type = 'table'").all();
  return new Set((rows as { readonly name: string }[]).map(({ name }) => name));
}

function contentsOf(database: Sqlite): Omit<HubContents, "bytes"> {
  const number = (sql: string) => database.prepare<[], { readonly n: number | null }>(sql).get()?.n ?? 0;
  const setting = (name: string) =>
    database.prepare<[string], { readonly value: string }>("select value from setting where name = ?").get(name)?.value;
  const tables = tablesOf(database);
  const kinds = KINDS.map((kind) => ({ kind, table: tableOf(kind).name })).filter(({ table }) => tables.has(table));
  const epoch = setting("epoch") ?? "";
  const lineage = setting("lineage");
  const changedAt = number("select max(at) as n from change_log");
  return {
    epoch,
    lineage: lineage === undefined ? [epoch] : (JSON.parse(lineage) as string[]),
    position: number("select value as n from sequence where name = 'feed'"),
    projects: number("select count(*) as n from tenant"),
    tokens: number("select count(*) as n from token"),
    resources: Object.fromEntries(
      kinds.map(({ kind, table }) => [kind.name, number(`select count(*) as n from "${table}"`)]),
    ),
    changedAt: changedAt === 0 ? undefined : changedAt,
    secrets: hasUnsealed(database) ? "unsealed" : (neededKey(database) ?? null),
  };
}

/** What a database holds, as lines for people. */
export function contentsText({ epoch, projects, tokens, resources, changedAt, bytes, secrets }: HubContents): string {
  const counts = Object.entries(resources).map(([kind, count]) => `${kind.replaceAll("_", " ")} ${count}`);
  return [
    `  size           ${(bytes / 1e6).toFixed(1)} MB`,
    `  epoch          ${epoch}`,
    `  newest change  ${changedAt === undefined ? "none" : new Date(changedAt).toISOString()}`,
    `  holds          ${[`project ${projects}`, ...counts, `token ${tokens}`].join(", ")}`,
    `  secrets        ${secretsText(secrets)}`,
  ].join("\n");
}

function secretsText(secrets: HubContents["secrets"]): string {
  if (secrets === null) return "none";
  if (secrets === "unsealed") return "may be in the clear: made before they were sealed";
  return `sealed by the key ${secrets}, which is not in here: keep it too, elsewhere`;
}
