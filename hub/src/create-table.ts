import type { Kysely } from "kysely";

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
