import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { entryOf } from "../../audit/entry.ts";
import { changeOf } from "../../audit/rows.ts";

/** As they stand in the database, letter by letter. */
export const APPEND_ONLY: readonly string[] = ["update", "delete"].map(
  (doing) => `CREATE TRIGGER change_log_no_${doing} before ${doing} on change_log begin
  select raise(abort, 'the log of changes is only ever added to'); end`,
);

const AT_ONCE = 5_000;

/**
 * The log says from where each change came, and is chained: each entry has the hash of the one before it in its own. What it
 * holds is never changed and never removed. Never changed; what comes later is a migration of its own.
 */
export const auditable: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ["token", "address", "request", "hash"]) {
      await db.schema.alterTable("change_log").addColumn(column, "text").execute();
    }
    await db.schema.alterTable("change_log").addColumn("wanted_at", "bigint").execute();
    await chain(db);
    await db.schema
      .createIndex("change_log_by_resource")
      .on("change_log")
      .columns(["tenant_id", "resource_id", "seq"])
      .execute();
    await sql`create index change_log_by_request on change_log (request) where request is not null`.execute(db);
    for (const trigger of APPEND_ONLY) await sql.raw(trigger).execute(db);
  },
};

/** Gives each entry that there is already its hash. */
async function chain(db: Kysely<unknown>): Promise<void> {
  const last = new Map<string, string>();
  let [seq, previousInHub] = [0, ""];
  for (;;) {
    const { rows } = await sql<Record<string, unknown>>`select * from change_log where seq > ${seq}
      order by seq limit ${AT_ONCE}`.execute(db);
    if (rows.length === 0) return;
    const hashes = rows.map((row): readonly [number, string] => {
      const change = changeOf(row);
      const { hash } = entryOf(change, { previous: last.get(change.tenant) ?? "", previousInHub });
      last.set(change.tenant, hash);
      [seq, previousInHub] = [change.seq, hash];
      return [change.seq, hash];
    });
    await sql`update change_log set hash = given.value ->> 1 from json_each(${JSON.stringify(hashes)}) as given
      where change_log.seq = given.value ->> 0`.execute(db);
  }
}
