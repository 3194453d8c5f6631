import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** A tenant that is being deleted is frozen first. Never changed; what comes later is a migration of its own. */
export const frozenTenants: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("tenant").addColumn("frozen", "bigint").execute();
  },
};
