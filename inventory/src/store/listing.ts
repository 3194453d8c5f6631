import type { Kind } from "@holdfast/protocol";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { type Row, selectList } from "./codec.ts";
import type { ListQuery } from "./contract.ts";
import { FieldFault } from "./faults.ts";
import { columnOf } from "./path.ts";
import { withSilentSites } from "./silent-sites.ts";
import { type Table, tableOf } from "./table.ts";
import { columnShown, type Like, type Reading, whereOf } from "./where.ts";

/** What the statements that every dialect shares need of a database. */
export interface Queries {
  readonly kysely: Kysely<unknown>;
  readonly like: Like;
}

export interface ListedRows {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** The rows that a query asks for and how many there are without its limit. */
export async function listRows({ kysely, like }: Queries, kind: Kind, query: ListQuery): Promise<ListedRows> {
  const table = tableOf(kind);
  const reading: Reading = { like, silent: query.silent !== undefined && query.silent.size > 0 };
  const conditions: RawBuilder<unknown>[] = [];
  if (query.tenant !== undefined) conditions.push(sql`t.tenant_id = ${query.tenant}`);
  if (kind.deletion === "retired") conditions.push(sql`t.retired is null`);
  if (query.where) conditions.push(whereOf(kind, "t", query.where, reading));
  const where = conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``;
  const order = orderOf(kind, query.orderBy ?? [], reading);
  const offset = query.offset ?? 0;
  const page =
    query.limit === undefined && offset === 0
      ? sql``
      : sql`limit ${query.limit ?? Number.MAX_SAFE_INTEGER} offset ${offset}`;
  const from = sql`from ${sql.table(table.name)} as t ${where}`;
  const columns = sql.raw(selectList(table.columns, "t"));
  const silent = withSilentSites(query.silent);
  const { rows } = await sql<Row>`${silent}select ${columns} ${from} order by ${order} ${page}`.execute(kysely);
  const complete = offset === 0 && (query.limit === undefined || rows.length < query.limit);
  if (complete) return { rows, total: rows.length };
  const counted = await sql<{ total: unknown }>`${silent}select count(*) as total ${from}`.execute(kysely);
  return { rows, total: Number(counted.rows[0]?.total) };
}

/** What has no value comes last, and first when descending; the id breaks ties. */
function orderOf(kind: Kind, orderBy: NonNullable<ListQuery["orderBy"]>, reading: Reading): RawBuilder<unknown> {
  const terms = orderBy.map(({ field, descending }) => {
    const column = columnOf(kind, field);
    if (!column) throw new FieldFault("InvalidArgument", [field], `unknown field ${field}`);
    const direction = sql.raw(descending ? "desc nulls first" : "asc nulls last");
    return sql`${columnShown(kind, "t", column, reading)} ${direction}`;
  });
  return sql.join([...terms, sql`t.resource_id`, sql`t.tenant_id`]);
}

/** Whatever refers to a resource, one example a kind. */
export async function findReferrers(
  { kysely }: Queries,
  tables: readonly Table[],
  kind: Kind,
  { tenant, id }: { tenant: string; id: string },
): Promise<{ kind: Kind; id: string }[]> {
  const found: { kind: Kind; id: string }[] = [];
  for (const table of tables) {
    const columns = table.references.filter((reference) => reference.kind === kind.name);
    if (columns.length === 0) continue;
    const refers = sql.join(
      columns.map(({ column }) => sql`${sql.ref(column)} = ${id}`),
      sql` or `,
    );
    const { rows } = await sql<{ resource_id: string }>`select resource_id from ${sql.table(table.name)}
      where tenant_id = ${tenant} and (${refers}) order by resource_id limit 1`.execute(kysely);
    for (const row of rows) found.push({ kind: table.kind, id: row.resource_id });
  }
  return found;
}
