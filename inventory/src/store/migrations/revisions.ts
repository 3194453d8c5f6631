import { randomUUID } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * Which resources have changed since when, for those who watch. Never changed; what comes later is a migration of its own.
 */
export const revisions: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("revision")
      .addColumn("tenant_id", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("resource_id", "text", (column) => column.notNull())
      .addColumn("seq", "bigint", (column) => column.notNull())
      .addColumn("since", "bigint", (column) => column.notNull())
      .addColumn("gone", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("revision_key", ["tenant_id", "kind", "resource_id"])
      .execute();
    const columns = ["tenant_id", "kind", "seq"];
    await db.schema.createIndex("revision_by_seq").unique().on("revision").columns(columns).execute();
    await sql`create index revision_gone on revision (seq) where gone = 1`.execute(db);
    // A log that was begun anew is another one, whatever its numbers are.
    await sql`insert into setting (name, value) values ('revision-log', ${randomUUID()})`.execute(db);
  },
};
