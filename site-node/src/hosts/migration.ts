import { sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * More documents than any host can have had. Versions were counted for each host alone before, and a host that was put out was
 * forgotten with its count: what its machine still knows stands nowhere, so nothing that is stored bounds it.
 */
const BEYOND_ANY = 1_000_000_000;

/** A site that has told machines what they should be goes on above every version that one of them may know (rule 19). */
export const documentsMigration: Migration = {
  async up(db) {
    await sql`insert into setting (name, value)
      select 'site-node:documents', ${String(BEYOND_ANY)} where exists (select 1 from setting where name = 'site-node:incarnation')
      on conflict (name) do update set value = excluded.value`.execute(db);
  },
};
