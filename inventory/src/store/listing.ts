import type { Kind } from "@holdfast/protocol";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { type Row, selectList } from "./codec.ts";
import { EVERY_TENANT, type ListQuery, type Referrer } from "./contract.ts";
import { FieldFault } from "./faults.ts";
import { columnOf } from "./path.ts";
import { isAfter, type OrderTerm, orderBy, type Position, positionOf, selectPosition } from "./position.ts";
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
  readonly next: Position | undefined;
}

/** The rows that a query asks for and how many there are without its limit; of each the id alone, where that is enough. */
export async function listRows(
  { kysely, like }: Queries,
  kind: Kind,
  query: ListQuery,
  what: "whole" | "ids" = "whole",
): Promise<ListedRows> {
  const table = tableOf(kind);
  const reading: Reading = { like, silent: query.silent !== undefined && query.silent.size > 0 };
  const conditions: RawBuilder<unknown>[] = [];
  if (query.tenant !== EVERY_TENANT) conditions.push(sql`t.tenant_id = ${query.tenant}`);
  if (kind.deletion === "retired") conditions.push(sql`t.retired is null`);
  if (query.where) conditions.push(whereOf(kind, "t", query.where, reading));
  const where = conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``;
  const terms = orderTerms(kind, query.orderBy ?? [], reading);
  const { limit, offset = 0, after } = query;
  // One more than asked for: it is there when there is a next page.
  const page =
    limit === undefined && offset === 0
      ? sql``
      : sql`limit ${limit === undefined ? Number.MAX_SAFE_INTEGER : limit + 1} offset ${offset}`;
  const from = sql`from ${sql.table(table.name)} as t ${where}`;
  const beyond = after ? sql`${conditions.length > 0 ? sql`and` : sql`where`} ${isAfter(terms, after)}` : sql``;
  const shown = what === "ids" ? "t.resource_id" : selectList(table.columns, "t");
  const columns = sql`${sql.raw(shown)}${selectPosition(terms)}`;
  const silent = withSilentSites(query.silent);
  const { rows: found } = await sql<Row>`${silent}select ${columns} ${from} ${beyond}
    order by ${orderBy(terms)} ${page}`.execute(kysely);
  const rows = limit === undefined ? found : found.slice(0, limit);
  const last = found.length > rows.length ? rows.at(-1) : undefined;
  const next = last && positionOf(terms, last);
  if (offset === 0 && !after && found.length === rows.length) return { rows, total: rows.length, next };
  const counted = await sql<{ total: unknown }>`${silent}select count(*) as total ${from}`.execute(kysely);
  return { rows, total: Number(counted.rows[0]?.total), next };
}

function orderTerms(kind: Kind, order: NonNullable<ListQuery["orderBy"]>, reading: Reading): OrderTerm[] {
  return order.map(({ field, descending }) => {
    const column = columnOf(kind, field);
    if (!column) throw new FieldFault("InvalidArgument", [field], `unknown field ${field}`);
    return { column, shown: columnShown(kind, "t", column, reading), descending };
  });
}

/** Whatever refers to a resource, one example a kind, a standing one before one that is retired. */
export async function findReferrers(
  { kysely }: Queries,
  tables: readonly Table[],
  kind: Kind,
  { tenant, id }: { tenant: string; id: string },
): Promise<Referrer[]> {
  const found: Referrer[] = [];
  for (const table of tables) {
    const refers = [
      ...columnsTo(table.references, kind).map((column) => sql`${column} = ${id}`),
      ...columnsTo(table.lists, kind).map((column) => sql`${column} like ${`%"${id}"%`}`),
    ];
    if (refers.length === 0) continue;
    const retired = table.kind.deletion === "retired" ? sql`retired` : sql`null`;
    const { rows } = await sql<{ resource_id: string; retired: unknown }>`select resource_id, ${retired} as retired
      from ${sql.table(table.name)} where tenant_id = ${tenant} and (${sql.join(refers, sql` or `)})
      order by (${retired}) is not null, resource_id limit 1`.execute(kysely);
    for (const row of rows) found.push({ kind: table.kind, id: row.resource_id, retired: row.retired !== null });
  }
  return found;
}

function columnsTo(references: Table["references"], kind: Kind) {
  return references.filter((reference) => reference.kind === kind.name).map(({ column }) => sql.ref(column));
}
