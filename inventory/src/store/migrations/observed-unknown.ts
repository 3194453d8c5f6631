import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * What a site of a later version observes, and this version has no field for, is kept with the machine. Never changed; what
 * comes later is a migration of its own.
 */
export const observedUnknown: Migration = {
  async up(db: Kysely<unknown>) {
    for (const table of ["host", "instance"]) {
      await db.schema.alterTable(table).addColumn("observed_unknown", "text").execute();
    }
  },
};
