import { sql } from "kysely";
import type { Migration } from "kysely/migration";

/** On which write with a time limit the site has acted, by host (rule 17). */
export const powerBegunMigration: Migration = {
  async up(db) {
    await sql.raw('create table power_begun (host text not null primary key, "write" text not null)').execute(db);
  },
};
