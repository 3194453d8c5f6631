import { type CreateTableBuilder, type Kysely, type RawBuilder, sql } from "kysely";

/** The database that a migration works on. */
export type Schema = Kysely<unknown>;
/** Columns by name. */
export type Columns = Readonly<Record<string, "text" | "integer">>;

/** Every integer has 64 bits in both dialects: SQLite reads `bigint` as INTEGER. */
const STORED = { text: "text", integer: "bigint" } as const;

/** Columns of one type, by names with spaces between. */
export function of(type: "text" | "integer", names: string): Columns {
  return Object.fromEntries(
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, type]),
  );
}

interface Reference {
  readonly column: string;
  readonly to: string;
}

/** The table of a kind: its bookkeeping, its own columns, and real foreign keys that include the tenant. */
export async function kindTable(
  db: Schema,
  name: string,
  columns: Columns,
  references: readonly Reference[],
): Promise<void> {
  await createTable(db, name, columns, references);
  await indexReferences(db, name, references);
}

async function createTable(db: Schema, name: string, columns: Columns, references: readonly Reference[]) {
  let table: CreateTableBuilder<string, string> = db.schema
    .createTable(name)
    .addColumn("tenant_id", "text", (column) => column.notNull().references("tenant.tenant_id"))
    .addColumn("resource_id", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addColumn("generation", "bigint", (column) => column.notNull())
    .addColumn("stamps", "text", (column) => column.notNull())
    .addColumn("creation", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint(`${name}_key`, ["tenant_id", "resource_id"])
    .addUniqueConstraint(`${name}_creation`, ["tenant_id", "creation"]);
  for (const [column, type] of Object.entries(columns)) table = table.addColumn(column, STORED[type]);
  for (const { column, to } of references) {
    const target = ["tenant_id", "resource_id"];
    table = table.addForeignKeyConstraint(`${name}_${column}`, ["tenant_id", column], to, target);
  }
  await table.execute();
}

async function indexReferences(db: Schema, name: string, references: readonly Reference[]): Promise<void> {
  for (const { column } of references) {
    // With the id: the planner otherwise prefers to walk the primary key, for a list is ordered by it.
    const columns = ["tenant_id", column, "resource_id"];
    await db.schema.createIndex(`${name}_by_${column}`).on(name).columns(columns).execute();
  }
}

/** What `kindTable` gives every kind. */
const OF_EVERY_KIND = new Set([
  ...["tenant_id", "resource_id", "created_at", "updated_at", "generation", "stamps", "creation"],
]);

/**
 * Gives a kind's table these foreign keys, and no others: SQLite can add none to a table that is there, so it is made again
 * with its rows. Its other indexes are gone and must be made again. Nothing may refer to its rows yet.
 */
export async function withReferences(db: Schema, name: string, references: readonly Reference[]): Promise<void> {
  const tables = await db.introspection.getTables();
  const stored = tables.find((table) => table.name === name)?.columns ?? [];
  const own = stored.filter((column) => !OF_EVERY_KIND.has(column.name));
  const typed = own.map(
    (column) => [column.name, column.dataType.toLowerCase() === "text" ? "text" : "integer"] as const,
  );
  const again = `${name}_again`;
  await createTable(db, again, Object.fromEntries(typed), references);
  const list = sql.join(stored.map((column) => sql.ref(column.name)));
  await sql`insert into ${sql.table(again)} (${list}) select ${list} from ${sql.table(name)}`.execute(db);
  await db.schema.dropTable(name).execute();
  await db.schema.alterTable(again).renameTo(name).execute();
  await indexReferences(db, name, references);
}

interface UniqueSet {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly where: RawBuilder<unknown>;
}

/** An index over values that no two rows share, of those rows that it counts. */
export async function uniqueIndex(db: Schema, { name, table, columns, where }: UniqueSet): Promise<void> {
  const list = sql.join(columns.map((column) => sql.ref(column)));
  await sql`create unique index ${sql.ref(name)} on ${sql.table(table)} (${list}) where ${where}`.execute(db);
}

/** No two of a tenant share these values; an empty one does not count. */
export function uniqueInTenant(db: Schema, table: string, columns: readonly string[]): Promise<void> {
  const name = `${table}_unique_${columns.join("_")}`;
  return uniqueIndex(db, { name, table, columns: ["tenant_id", ...columns], where: noneEmpty(columns) });
}

/** The same for a kind whose resources are retired: those that are do not count. */
export function uniqueAmongStanding(db: Schema, table: string, columns: readonly string[]): Promise<void> {
  const name = `${table}_unique_${columns.join("_")}`;
  const where = sql`${noneEmpty(columns)} and retired is null`;
  return uniqueIndex(db, { name, table, columns: ["tenant_id", ...columns], where });
}

function noneEmpty(columns: readonly string[]): RawBuilder<unknown> {
  return sql.join(
    columns.map((column) => sql`${sql.ref(column)} <> ''`),
    sql` and `,
  );
}

/** The table of a host's parts of one sort. */
export async function partTable(db: Schema, name: string, columns: Columns): Promise<void> {
  let table: CreateTableBuilder<string, string> = db.schema
    .createTable(name)
    .addColumn("tenant_id", "text", (column) => column.notNull())
    .addColumn("host_id", "text", (column) => column.notNull())
    .addColumn("position", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint(`${name}_key`, ["tenant_id", "host_id", "position"])
    .addForeignKeyConstraint(
      `${name}_host`,
      ["tenant_id", "host_id"],
      "host",
      ["tenant_id", "resource_id"],
      (constraint) => constraint.onDelete("cascade"),
    );
  for (const [column, type] of Object.entries(columns)) table = table.addColumn(column, STORED[type]);
  await table.execute();
}

/** What machines have besides. */
export const MACHINE: Columns = {
  ...of("text", "owner_site observed_by"),
  ...of("integer", "observed_generation observed_at"),
};

/** What a kind has besides that follows machines. */
export const FOLLOWING: Columns = of("text", "owner_site");

/** The columns of a status. */
export function triplet(name: string): Columns {
  return { ...of("text", `${name} ${name}_indicator`), ...of("integer", `${name}_timestamp`) };
}
