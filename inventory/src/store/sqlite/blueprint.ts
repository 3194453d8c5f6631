import { randomUUID } from "node:crypto";
import type { Sqlite } from "@holdfast/runtime/sqlite";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

interface StoredRow {
  readonly insert: string;
  readonly values: readonly unknown[];
}

/**
 * What migrations have made of a database that had nothing. They alter time and again what they made first: to make another
 * one from what came of it takes a fraction of the time.
 */
export class Blueprint {
  readonly #schema: string;
  readonly #rows: readonly StoredRow[];

  /** Of a database that has had its migrations and nothing else. */
  constructor(database: Sqlite) {
    const objects = database
      .prepare<[], { name: string; type: string; sql: string }>(
        "select name, type, sql from sqlite_schema where sql is not null and name not like 'sqlite@_%' escape '@' order by rowid",
      )
      .all();
    this.#schema = objects.map(({ sql }) => sql).join(";\n");
    this.#rows = objects.filter(({ type }) => type === "table").flatMap(({ name }) => rowsOf(database, name));
  }

  /** Makes an empty database the same, but for the ids that migrations drew, which are drawn anew. */
  build(database: Sqlite): void {
    database.exec(this.#schema);
    const drawn = new Map<unknown, string>();
    const anew = (value: unknown) => {
      if (typeof value !== "string" || !UUID.test(value)) return value;
      const id = drawn.get(value) ?? randomUUID();
      drawn.set(value, id);
      return id;
    };
    for (const { insert, values } of this.#rows) database.prepare(insert).run(values.map(anew));
  }
}

function rowsOf(database: Sqlite, table: string): StoredRow[] {
  const rows = database.prepare<[], unknown[]>(`select * from "${table}"`).raw().all();
  return rows.map((values) => ({
    insert: `insert into "${table}" values (${values.map(() => "?").join(", ")})`,
    values,
  }));
}
