import { mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { openSqlite, type Sqlite } from "@holdfast/runtime/sqlite";

/** What the databases of a version hold, by what a test must ask for it. */
export interface Kept {
  readonly operator: string;
  readonly siteToken: string;
  readonly site: string;
  readonly hosts: {
    /** Admitted, renamed at the hub, with an instance. */
    readonly first: string;
    /** Registered at the hub, at no site. */
    readonly spare: string;
    /** The same machine, registered at the hub and admitted at the cut-off site: a conflict. */
    readonly twin: string;
    readonly twinAtSite: string;
    /** Admitted at the site, and unknown to the hub. */
    readonly third: string;
  };
}

export const KEPT: ReadonlyMap<number, Kept> = new Map([
  [
    1,
    {
      operator: "hfo_operator-of-version-1",
      siteToken: "hfs_site-of-version-1",
      site: "site-556fbf40",
      hosts: {
        first: "host-80000000",
        spare: "host-6d3d5a30",
        twin: "host-4c79e679",
        twinAtSite: "host-80000001",
        third: "host-80000002",
      },
    },
  ],
]);

/** Puts the database of a program of a version at a path. */
export function layDatabase(path: string, program: "hub" | "site", version: number): void {
  mkdirSync(dirname(path), { recursive: true });
  const database = openSqlite(path);
  try {
    // In the text, rows of one table may stand before those of another that they refer to.
    database.pragma("foreign_keys = off");
    database.exec(readFileSync(new URL(`version-${version}/${program}.sql`, import.meta.url), "utf8"));
  } finally {
    database.close();
  }
}

/** Every table with its columns, and every index with what it is over: what two databases of one version have in common. */
export function shapeOf(path: string): Record<string, unknown> {
  const database = openSqlite(path);
  try {
    const names = database.prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'");
    const tables = (names.all() as { name: string }[]).map(({ name }) => [name, tableOf(database, name)]);
    return Object.fromEntries(tables);
  } finally {
    database.close();
  }
}

function tableOf(database: Sqlite, table: string): unknown {
  const columns = database.pragma(`table_info("${table}")`) as { name: string; type: string; notnull: number }[];
  const indexes = database.pragma(`index_list("${table}")`) as { name: string; unique: number; partial: number }[];
  return {
    columns: columns.map(({ name, type, notnull }) => `${name} ${type} ${notnull}`).sort(),
    indexes: indexes
      .map(({ name, unique, partial }) => {
        const over = database.pragma(`index_info("${name}")`) as { name: string }[];
        return [name, unique, partial, ...over.map((column) => column.name)].join(" ");
      })
      .sort(),
    references: (database.pragma(`foreign_key_list("${table}")`) as { table: string; from: string; to: string }[])
      .map((each) => `${each.from} ${each.table} ${each.to}`)
      .sort(),
  };
}

/** What is wrong with a database; empty when nothing is. */
export function damageIn(path: string): unknown[] {
  const database = openSqlite(path);
  try {
    const whole = database.pragma("integrity_check", { simple: true });
    return [...(whole === "ok" ? [] : [whole]), ...(database.pragma("foreign_key_check") as unknown[])];
  } finally {
    database.close();
  }
}
