import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** `?`: may be null. Every integer has 64 bits in both dialects. */
type Column = "text" | "text?" | "bigint" | "bigint?";

/** Makes a table of the hub's own: for its migrations. */
export async function createTable(
  db: Kysely<unknown>,
  name: string,
  columns: Readonly<Record<string, Column>>,
  key: readonly string[],
): Promise<void> {
  let building = db.schema.createTable(name).addPrimaryKeyConstraint(`${name}_key`, key as never);
  for (const [column, type] of Object.entries(columns)) {
    const optional = type.endsWith("?");
    building = building.addColumn(column, type.replace("?", "") as "text" | "bigint", (added) =>
      optional ? added : added.notNull(),
    );
  }
  await building.execute();
}

/** One migration, of tables of several parts. */
export function together(...parts: readonly Migration[]): Migration {
  return {
    async up(db: Kysely<unknown>) {
      for (const part of parts) await part.up(db);
    },
  };
}
