import type { Sqlite } from "@holdfast/runtime/sqlite";
import { type Column, TABLES_OF_KINDS } from "../table.ts";

/** A column that holds secrets, of the table of a kind. */
export interface SecretColumn {
  readonly table: string;
  readonly column: Column;
}

export const SECRET_COLUMNS: readonly SecretColumn[] = TABLES_OF_KINDS.flatMap(({ name, fields }) =>
  fields.filter(({ secret }) => secret).map((column) => ({ table: name, column })),
);

/** How many values of a database are sealed. A table that it does not have yet holds none. */
export function countSealed(database: Sqlite): number {
  const counts = SECRET_COLUMNS.map(({ table, column: { name } }) => {
    const has = database.prepare("select 1 from pragma_table_info(?) where name = ?").get(table, name);
    if (!has) return 0;
    const sql = `select count(*) from "${table}" where substr("${name}", 1, ${SEALED.length}) = '${SEALED}'`;
    return Number(database.prepare(sql).pluck().get());
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** What every sealed value begins with. */
export const SEALED = "sealed:1:";
