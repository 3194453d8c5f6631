import type { Sqlite } from "@holdfast/runtime/sqlite";
import type { Column } from "../table.ts";
import { atOnce } from "./at-once.ts";
import { SECRET_COLUMNS } from "./columns.ts";
import { type KeyRing, sealedBy } from "./key-ring.ts";

/** The setting that a migration leaves where secrets may be in the clear, or may have been. */
export const UNSEALED = "secrets-unsealed";

/** Whether a database, of any version, may hold secrets in the clear. */
export function hasUnsealed(database: Sqlite): boolean {
  const isOlder = !database.prepare("select 1 from sqlite_schema where name = 'secret_key'").get();
  if (!isOlder) return database.prepare("select 1 from setting where name = ?").get(UNSEALED) !== undefined;
  return SECRET_COLUMNS.some(({ table, column: { name } }) => {
    const has = database.prepare("select 1 from pragma_table_info(?) where name = ?").get(table, name);
    return has && database.prepare(`select 1 from "${table}" where "${name}" is not null limit 1`).get();
  });
}

/** Empties every secret, and forgets the keys of those that were sealed. */
export function forgetSecrets(database: Sqlite): void {
  atOnce(database, () => {
    for (const { table, column } of SECRET_COLUMNS) {
      database.prepare(`update "${table}" set "${column.name}" = ?`).run(column.secret?.initial ?? null);
    }
    database.prepare("delete from secret_key").run();
  });
}

/** So many rows in one transaction: nobody beside waits for long. */
const AT_ONCE = 200;

type Row = { readonly tenant_id: string; readonly resource_id: string; readonly value: string };

/**
 * Brings every secret of a database under the key that seals now: what an earlier version left in the clear, what an older key
 * sealed. Broken off anywhere it goes on at the next call. Returns whether the file itself is clean: when not, another was
 * reading it, and what was there in the clear may still be found in it.
 */
export function sealAll(database: Sqlite, ring: KeyRing): boolean {
  const setting = database.prepare("select value from setting where name = ?");
  const wasPlain = setting.get(UNSEALED) !== undefined;
  const isOld = database.prepare("select 1 from secret_key where id <> ?").get(ring.current) !== undefined;
  if (!wasPlain && !isOld) return true;
  for (const { table, column } of SECRET_COLUMNS) sealColumn(database, { table, column, ring, wasPlain });
  database.prepare("delete from secret_key where id <> ?").run(ring.current);
  if (!scrub(database)) return false;
  database.prepare("delete from setting where name = ?").run(UNSEALED);
  return true;
}

interface Sealing {
  readonly table: string;
  readonly column: Column;
  readonly ring: KeyRing;
  readonly wasPlain: boolean;
}

function sealColumn(database: Sqlite, { table, column, ring, wasPlain }: Sealing): void {
  const { name, field } = column;
  const page = database.prepare(`select tenant_id, resource_id, "${name}" as value from "${table}"
    where "${name}" is not null and (tenant_id, resource_id) > (?, ?) order by tenant_id, resource_id limit ${AT_ONCE}`);
  const update = database.prepare(`update "${table}" set "${name}" = ? where tenant_id = ? and resource_id = ?`);
  const sealPage = (tenant: string, id: string) => {
    const rows = page.all(tenant, id) as Row[];
    for (const { tenant_id, resource_id, value } of rows) {
      const place = { tenant: tenant_id, id: resource_id, field };
      const by = sealedBy(value);
      if (by === ring.current || value === column.secret?.initial || (by === undefined && !wasPlain)) continue;
      update.run(ring.seal(by === undefined ? value : ring.open(value, place), place), tenant_id, resource_id);
    }
    return rows.at(-1);
  };
  let last = atOnce(database, () => sealPage("", ""));
  while (last) {
    const { tenant_id, resource_id } = last;
    last = atOnce(database, () => sealPage(tenant_id, resource_id));
  }
}

/** Writes the database anew without what was deleted or overwritten, and empties its log. */
function scrub(database: Sqlite): boolean {
  database.exec("vacuum");
  const [done] = database.pragma("wal_checkpoint(TRUNCATE)") as { readonly busy: number }[];
  return done?.busy === 0;
}
