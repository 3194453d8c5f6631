import Database from "better-sqlite3";
import { serve } from "./serve.ts";

interface Options {
  readonly hubDatabase: string;
}

interface Upsert {
  readonly path: string;
  readonly scope: string;
  /** Rows of a transaction. */
  readonly page: number;
}

interface Copy {
  readonly from: string;
  readonly path: string;
  readonly page: number;
}

interface Update {
  readonly hosts: readonly string[];
  readonly batches: number;
}

type Values = (string | number | null)[];

function open(path: string) {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  return database;
}

/** Writes the same rows with nothing between them and SQLite, as durable as ours. Times are milliseconds. */
serve(async ({ hubDatabase }: Options) => ({
  /** The rows of a scope's feed into a table of their own. */
  upsertFeed({ path, scope, page }: Upsert): { milliseconds: number; rows: number } {
    const hub = new Database(hubDatabase, { readonly: true });
    const select = hub.prepare<[string], Values>(
      "select scope, kind, id, seq, body from feed where scope = ? order by seq",
    );
    const rows = select.raw().all(scope) as unknown as Values[];
    hub.close();
    const database = open(path);
    database.exec(
      "create table row (scope text, kind text, id text, seq integer, body text, primary key (scope, kind, id))",
    );
    const upsert = database.prepare(`insert into row values (?, ?, ?, ?, ?) on conflict (scope, kind, id)
      do update set seq = excluded.seq, body = excluded.body`);
    const began = performance.now();
    for (let at = 0; at < rows.length; at += page) {
      database.transaction(() => {
        for (const row of rows.slice(at, at + page)) upsert.run(row);
      })();
    }
    const milliseconds = performance.now() - began;
    database.close();
    return { milliseconds, rows: rows.length };
  },

  /** The tables that a finished replica filled, with their indexes, from nothing. */
  copyReplica({ from, path, page }: Copy): { milliseconds: number; rows: number } {
    const replica = new Database(from, { readonly: true });
    const tables = ["replica_row", "host", "host_nic", "host_storage"];
    const marks = tables.map(() => "?").join(", ");
    const made = replica.prepare<string[], { sql: string }>(
      `select sql from sqlite_master where sql is not null and tbl_name in (${marks}) order by type desc`,
    );
    const database = open(path);
    // What rows refer to is not copied, and looking for it is not counted.
    database.pragma("foreign_keys = OFF");
    for (const { sql } of made.all(...tables)) database.exec(sql);
    const copied = tables.map((table) => {
      const rows = replica.prepare(`select * from ${table}`).raw().all() as Values[];
      const insert = rows[0] ? `insert into ${table} values (${rows[0].map(() => "?").join(", ")})` : "select 1";
      return { rows, insert: database.prepare(insert) };
    });
    replica.close();
    const most = Math.max(...copied.map(({ rows }) => rows.length));
    const began = performance.now();
    for (let at = 0; at < most; at += page) {
      database.transaction(() => {
        for (const { rows, insert } of copied) for (const row of rows.slice(at, at + page)) insert.run(row);
      })();
    }
    const milliseconds = performance.now() - began;
    database.close();
    return { milliseconds, rows: most };
  },

  /** Small transactions, one after another: what a durable commit takes on this disk. */
  commits({ path, count }: { path: string; count: number }): number[] {
    const database = open(path);
    database.exec("create table if not exists row (id integer primary key, body text)");
    const insert = database.prepare("insert into row (body) values (?)");
    const times = Array.from({ length: count }, () => {
      const began = performance.now();
      insert.run("x".repeat(500));
      return performance.now() - began;
    });
    database.close();
    return times;
  },

  /** What sites say of hosts, a transaction for each batch: the host's row, its ports and its disks. */
  updateHosts({ hosts, batches }: Update): { milliseconds: number } {
    const database = open(hubDatabase);
    const tables = ["host", "host_nic", "host_storage"] as const;
    const [host, ...parts] = tables.map((table) => {
      const columns = (database.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name);
      const key = table === "host" ? "resource_id" : "host_id";
      return {
        select: database.prepare(`select * from ${table} where ${key} = ?`).raw(),
        update: database.prepare(
          `update ${table} set ${columns.map((name) => `"${name}" = ?`).join(", ")} where ${key} = ?`,
        ),
        delete: database.prepare(`delete from ${table} where ${key} = ?`),
        insert: database.prepare(`insert into ${table} values (${columns.map(() => "?").join(", ")})`),
        hostname: columns.indexOf("hostname"),
      };
    });
    if (!host) throw new Error("there is no table of hosts");
    const held = hosts.map((id) => ({
      id,
      row: host.select.get(id) as Values,
      parts: parts.map((part) => part.select.all(id) as Values[]),
    }));
    const began = performance.now();
    for (let batch = 0; batch < batches; batch += 1) {
      database.transaction(() => {
        for (const { id, row, parts: ofHost } of held) {
          host.update.run(...row.with(host.hostname, `raw-${batch}`), id);
          for (const [index, part] of parts.entries()) {
            part.delete.run(id);
            for (const each of ofHost[index] ?? []) part.insert.run(each);
          }
        }
      })();
    }
    const milliseconds = performance.now() - began;
    database.close();
    return { milliseconds };
  },
}));
