import type { Kind, Resource } from "@holdfast/protocol";
import { type Kysely, type RawBuilder, sql } from "kysely";
import { decodeResource, type Row, selectList } from "./codec.ts";
import type { ListQuery, ResourceList } from "./contract.ts";
import { FieldFault } from "./faults.ts";
import { columnOf } from "./path.ts";
import { withSilentSites } from "./silent-sites.ts";
import { type PartTable, type Table, tableOf } from "./table.ts";
import { columnShown, type Like, type Reading, whereOf } from "./where.ts";

/** What the statements that every dialect shares need of a database. */
export interface Queries {
  readonly kysely: Kysely<unknown>;
  readonly like: Like;
}

/** Ids in one statement: below every driver's limit of parameters. */
const CHUNK = 500;

export async function listResources(
  { kysely, like }: Queries,
  kind: Kind,
  query: ListQuery,
): Promise<ResourceList<Kind>> {
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
  const resources = await withParts(kysely, table, rows);
  const complete = offset === 0 && (query.limit === undefined || rows.length < query.limit);
  if (complete) return { resources, total: rows.length };
  const counted = await sql<{ total: unknown }>`${silent}select count(*) as total ${from}`.execute(kysely);
  return { resources, total: Number(counted.rows[0]?.total) };
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

/** Resources whose fields, or bookkeeping of text, equal these values exactly. */
export async function findResources(
  { kysely }: Queries,
  kind: Kind,
  values: Readonly<Record<string, string>>,
  tenant: string | undefined,
): Promise<readonly Resource[]> {
  const table = tableOf(kind);
  const conditions = Object.entries(values).map(([field, value]) => {
    const column = table.columns.find((each) => each.field === field);
    if (!column) throw new FieldFault("InvalidArgument", [field], `unknown field ${field}`);
    return sql`${sql.ref(`t.${column.name}`)} = ${value}`;
  });
  if (tenant !== undefined) conditions.push(sql`t.tenant_id = ${tenant}`);
  const where = sql.join(conditions.length > 0 ? conditions : [sql`1 = 1`], sql` and `);
  const columns = sql.raw(selectList(table.columns, "t"));
  const found = sql<Row>`select ${columns} from ${sql.table(table.name)} as t where ${where}
    order by t.resource_id, t.tenant_id`;
  return withParts(kysely, table, (await found.execute(kysely)).rows);
}

export async function resourcesById(
  { kysely }: Queries,
  kind: Kind,
  tenant: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Resource>> {
  const table = tableOf(kind);
  const columns = sql.raw(selectList(table.columns, "t"));
  const found = new Map<string, Resource>();
  for (const chunk of chunks([...new Set(ids)])) {
    const { rows } = await sql<Row>`select ${columns} from ${sql.table(table.name)} as t
      where t.tenant_id = ${tenant} and t.resource_id in (${sql.join(chunk)})`.execute(kysely);
    for (const resource of await withParts(kysely, table, rows)) found.set(resource.resourceId, resource);
  }
  return found;
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

async function withParts(kysely: Kysely<unknown>, table: Table, rows: readonly Row[]): Promise<Resource[]> {
  if (table.parts.length === 0) return rows.map((row) => decodeResource(table, row, {}));
  const parts = new Map<unknown, Record<string, Row[]>>();
  for (const [tenant, ids] of idsByTenant(rows)) {
    for (const part of table.parts) {
      for (const chunk of chunks(ids)) {
        for (const row of await partRows(kysely, part, { tenant, ids: chunk })) {
          collect(parts, key(tenant, row.parent_id), part, row);
        }
      }
    }
  }
  return rows.map((row) => decodeResource(table, row, parts.get(key(row.tenant_id, row.resource_id)) ?? {}));
}

function idsByTenant(rows: readonly Row[]): Map<unknown, unknown[]> {
  const ids = new Map<unknown, unknown[]>();
  for (const { tenant_id: tenant, resource_id: id } of rows) {
    const known = ids.get(tenant);
    if (known) known.push(id);
    else ids.set(tenant, [id]);
  }
  return ids;
}

interface Parents {
  readonly tenant: unknown;
  readonly ids: readonly unknown[];
}

async function partRows(kysely: Kysely<unknown>, part: PartTable, { tenant, ids }: Parents): Promise<readonly Row[]> {
  const parent = sql.ref(part.parent);
  const { rows } = await sql<Row>`select ${parent} as parent_id, ${sql.raw(selectList(part.columns, "t"))}
    from ${sql.table(part.name)} as t where tenant_id = ${tenant} and ${parent} in (${sql.join(ids)})
    order by position`.execute(kysely);
  return rows;
}

function collect(parts: Map<unknown, Record<string, Row[]>>, owner: string, part: PartTable, row: Row): void {
  const ofOwner = parts.get(owner) ?? {};
  parts.set(owner, ofOwner);
  const list = ofOwner[part.field] ?? [];
  ofOwner[part.field] = list;
  list.push(row);
}

function key(tenant: unknown, id: unknown): string {
  return `${String(tenant)}/${String(id)}`;
}

function* chunks<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += CHUNK) yield all.slice(at, at + CHUNK);
}
