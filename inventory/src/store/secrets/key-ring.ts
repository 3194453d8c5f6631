import { randomBytes } from "node:crypto";
import { Fault } from "@holdfast/runtime";
import type { Sqlite } from "@holdfast/runtime/sqlite";
import { atOnce } from "./at-once.ts";
import { countSealed, SEALED } from "./columns.ts";
import type { Place, Sealer } from "./sealer.ts";
import { KEY_BYTES, keyId, open, seal } from "./sealing.ts";

/** The key by which a store's own keys are kept: it is never in the database. */
export interface SecretsKey {
  readonly bytes: Buffer;
  /** Where it was found, for whoever must look there. */
  readonly from: string;
}

interface KeyRow {
  readonly id: string;
  readonly number: number;
  readonly wrapped: string;
  readonly wrapped_by: string;
}

/**
 * The keys of a store: values are sealed by the newest, and the older ones open what they have sealed. Each is kept in the
 * database, sealed by the secrets key.
 */
export class KeyRing implements Sealer {
  readonly #keys: ReadonlyMap<string, Buffer>;
  /** Id of the key that seals. */
  readonly current: string;

  constructor(keys: ReadonlyMap<string, Buffer>, current: string) {
    this.#keys = keys;
    this.current = current;
  }

  seal(plain: string, place: Place): string {
    const key = this.#keys.get(this.current);
    if (!key) throw new Fault("Internal", "the key that seals is not there");
    return `${SEALED}${this.current}:${seal(key, Buffer.from(plain), contextOf(place))}`;
  }

  open(stored: string, place: Place): string {
    const key = this.#keys.get(sealedBy(stored) ?? "");
    const sealed = stored.slice(stored.lastIndexOf(":") + 1);
    const plain = key && open(key, sealed, contextOf(place));
    if (plain) return plain.toString();
    throw new Fault(
      "FailedPrecondition",
      `${place.field} of ${place.id} does not open: it was changed, or is of another resource`,
    );
  }
}

/** The id of the key that sealed a value; undefined when none did. */
export function sealedBy(stored: string): string | undefined {
  return stored.startsWith(SEALED) ? stored.slice(SEALED.length, stored.lastIndexOf(":")) : undefined;
}

/** The id of the secrets key without which something in a database could not be read; undefined when nothing needs one. */
export function neededKey(database: Sqlite): string | undefined {
  if (!database.prepare("select 1 from sqlite_schema where name = 'secret_key'").get()) return undefined;
  const [row] = rowsOf(database);
  return row && countSealed(database) > 0 ? row.wrapped_by : undefined;
}

/**
 * The ring of a database, made where there is none, or where one that this key does not open has sealed nothing. Throws
 * FailedPrecondition, and changes nothing, when the key is another or what it kept is damaged.
 */
export function openRing(database: Sqlite, key: SecretsKey, file: string): KeyRing {
  const rows = rowsOf(database);
  const needed = rows[0]?.wrapped_by;
  const id = keyId(key.bytes);
  if (needed !== undefined && needed !== id && countSealed(database) > 0) throw otherKey({ file, needed, id, key });
  if (needed !== id) {
    atOnce(database, () => {
      database.prepare("delete from secret_key").run();
      addKey(database, key.bytes);
    });
    return openRing(database, key, file);
  }
  const keys = new Map(rows.map((row) => [row.id, unwrapped(row, key, file)]));
  return new KeyRing(keys, rows[0]?.id ?? "");
}

/** Keeps all keys by `next` from now on, and seals by a new one, whose id is returned. */
export function renewRing(
  database: Sqlite,
  key: SecretsKey,
  { next, file }: { next: SecretsKey; file: string },
): string {
  return atOnce(database, () => {
    for (const row of rowsOf(database)) {
      const bytes = unwrapped(row, key, file);
      const by = keyId(next.bytes);
      const wrapped = seal(next.bytes, bytes, wrapContext(row.id, by));
      database.prepare("update secret_key set wrapped = ?, wrapped_by = ? where id = ?").run(wrapped, by, row.id);
    }
    return addKey(database, next.bytes);
  });
}

function addKey(database: Sqlite, key: Buffer): string {
  const [id, by] = [randomBytes(6).toString("hex"), keyId(key)];
  const wrapped = seal(key, randomBytes(KEY_BYTES), wrapContext(id, by));
  database
    .prepare(
      `insert into secret_key (id, number, wrapped, wrapped_by)
        values (?, (select coalesce(max(number), 0) + 1 from secret_key), ?, ?)`,
    )
    .run(id, wrapped, by);
  return id;
}

function unwrapped(row: KeyRow, key: SecretsKey, file: string): Buffer {
  const bytes = open(key.bytes, row.wrapped, wrapContext(row.id, row.wrapped_by));
  if (bytes) return bytes;
  throw new Fault(
    "FailedPrecondition",
    `${file} is damaged: its key ${row.id} for secrets does not open by ${key.from}`,
  );
}

/** Newest first. */
function rowsOf(database: Sqlite): readonly KeyRow[] {
  return database
    .prepare("select id, number, wrapped, wrapped_by from secret_key order by number desc")
    .all() as KeyRow[];
}

function contextOf({ tenant, id, field }: Place): readonly string[] {
  return ["holdfast secret", tenant, id, field];
}

function wrapContext(id: string, by: string): readonly string[] {
  return ["holdfast data key", id, by];
}

function otherKey({ file, needed, id, key }: { file: string; needed: string; id: string; key: SecretsKey }): Fault {
  return new Fault(
    "FailedPrecondition",
    `the secrets in ${file} are sealed by the key ${needed}, and ${key.from} holds the key ${id}: --secrets-key-file must name the right one; nothing was changed`,
  );
}
