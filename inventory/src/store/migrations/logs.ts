import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** The feed, the history of changes, counters and settings. Never changed; what comes later is a migration of its own. */
export const logs: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable("feed")
      .addColumn("scope", "text", (column) => column.notNull())
      .addColumn("seq", "bigint", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("id", "text", (column) => column.notNull())
      .addColumn("body", "text")
      .addColumn("since", "bigint", (column) => column.notNull())
      .addPrimaryKeyConstraint("feed_key", ["scope", "kind", "id"])
      .execute();
    await db.schema.createIndex("feed_by_seq").unique().on("feed").columns(["scope", "seq"]).execute();
    await db.schema
      .createTable("feed_scope")
      .addColumn("scope", "text", (column) => column.notNull().primaryKey())
      .addColumn("head", "bigint", (column) => column.notNull())
      .addColumn("floor", "bigint", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("change_log")
      .addColumn("seq", "bigint", (column) => column.notNull().primaryKey())
      .addColumn("at", "bigint", (column) => column.notNull())
      .addColumn("tenant_id", "text", (column) => column.notNull())
      .addColumn("actor", "text", (column) => column.notNull())
      .addColumn("kind", "text", (column) => column.notNull())
      .addColumn("resource_id", "text", (column) => column.notNull())
      .addColumn("operation", "text", (column) => column.notNull())
      .addColumn("before", "text")
      .addColumn("after", "text")
      .execute();
    await db.schema.createIndex("change_log_by_tenant").on("change_log").columns(["tenant_id", "seq"]).execute();
    await db.schema
      .createTable("sequence")
      .addColumn("name", "text", (column) => column.notNull().primaryKey())
      .addColumn("value", "bigint", (column) => column.notNull())
      .execute();
    await db.schema
      .createTable("setting")
      .addColumn("name", "text", (column) => column.notNull().primaryKey())
      .addColumn("value", "text", (column) => column.notNull())
      .execute();
  },
};
