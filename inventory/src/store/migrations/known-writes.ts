import type { Kysely } from "kysely";
import { sql } from "kysely";
import type { Migration } from "kysely/migration";

/** As many parameters in one statement as every driver takes. */
const CHUNK = 200;

/** Kinds that had a table when this migration was written. */
const TABLES = ["region", "provider", "site", "operating_system", "host", "instance"];

interface Known {
  readonly tenant_id: string;
  readonly write: string;
}

/**
 * The history tells of each write by its id, so that one that comes again is known (rule 20); who saw what of a machine; and
 * what is gone stays known with its stamps. Of the time before, the writes that still stand are known, and what was deleted
 * without its stamps. Never changed; what comes later is a migration of its own.
 */
export const knownWrites: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("change_log").addColumn("write", "text").execute();
    await db.schema.createIndex("change_log_by_write").on("change_log").columns(["tenant_id", "write"]).execute();
    for (const table of ["host", "instance"]) {
      await db.schema.alterTable(table).addColumn("observed_sources", "text").execute();
    }
    await db.schema
      .createTable("earlier_write")
      .addColumn("tenant_id", "text", (column) => column.notNull())
      .addColumn("write", "text", (column) => column.notNull())
      .addPrimaryKeyConstraint("earlier_write_key", ["tenant_id", "write"])
      .execute();
    await db.schema
      .createTable("tombstone")
      .addColumn("tenant_id", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("resource_id", "text", (column) => column.notNull())
      .addColumn("stamps", "text")
      .addPrimaryKeyConstraint("tombstone_key", ["tenant_id", "kind", "resource_id"])
      .execute();
    for (const table of TABLES) await keepStanding(db, table);
    await keepDeleted(db);
  },
};

async function keepStanding(db: Kysely<unknown>, table: string): Promise<void> {
  const { rows } = await sql<{ tenant_id: string; stamps: unknown }>`select tenant_id, stamps
    from ${sql.table(table)}`.execute(db);
  const known = rows.flatMap(({ tenant_id, stamps }) => writesIn(stamps).map((write): Known => ({ tenant_id, write })));
  for (let at = 0; at < known.length; at += CHUNK) {
    const values = known.slice(at, at + CHUNK).map(({ tenant_id, write }) => sql`(${tenant_id}, ${write})`);
    await sql`insert into earlier_write (tenant_id, write) values ${sql.join(values)}
      on conflict do nothing`.execute(db);
  }
}

function writesIn(stored: unknown): string[] {
  const stamps = (typeof stored === "string" ? JSON.parse(stored) : stored) as Record<string, { id: string }>;
  return [...new Set(Object.values(stamps).map((stamp) => stamp.id))];
}

async function keepDeleted(db: Kysely<unknown>): Promise<void> {
  await sql`insert into tombstone (tenant_id, kind, resource_id)
    select tenant_id, kind, resource_id from change_log as gone where operation = 'delete' and not exists (
      select 1 from change_log as later where later.tenant_id = gone.tenant_id and later.kind = gone.kind
        and later.resource_id = gone.resource_id and later.seq > gone.seq)`.execute(db);
}
