import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { UNSEALED } from "../secrets/seal-all.ts";

/**
 * The keys by which secrets are sealed, each sealed itself by a key that is not in the database. What has lived without them may
 * hold secrets in the clear, and is marked.
 */
export const secretKeys: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("secret_key")
      .addColumn("id", "text", (column) => column.primaryKey().notNull())
      .addColumn("number", "bigint", (column) => column.notNull().unique())
      .addColumn("wrapped", "text", (column) => column.notNull())
      .addColumn("wrapped_by", "text", (column) => column.notNull())
      .execute();
    await sql`insert into setting (name, value) select ${UNSEALED}, 'yes'
      where exists (select 1 from tenant) or exists (select 1 from change_log)`.execute(db);
  },
};
