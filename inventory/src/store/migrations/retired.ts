import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { uniqueAmongStanding } from "./kind-table.ts";

/**
 * Operating systems are retired before they are gone; what a retired one is called is free for another. Never changed; what
 * comes later is a migration of its own.
 */
export const retired: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable("operating_system").addColumn("retired", "bigint").execute();
    for (const columns of [["name"], ["profile_name", "image_id"]]) {
      await db.schema.dropIndex(`operating_system_unique_${columns.join("_")}`).execute();
      await uniqueAmongStanding(db, "operating_system", columns);
    }
  },
};
