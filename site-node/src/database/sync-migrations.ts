import { sql } from "kysely";
import type { Migration } from "kysely/migration";

// `reached`: since the phase asked for it, the scope has been heard.
const PHASES = [
  "alter table replica_position add column reached integer not null default 1",
  "alter table replica_position add column receipt text",
  "alter table replica_position add column receipt_seq integer",
  "alter table released add column body text",
  "alter table released add column conflicts text",
  "create table credential_word (host text not null primary key, hash text, machine text not null, at integer not null, seq integer)",
  // Rows that waited for a version that knows their kinds: this one does.
  `update replica_row set parked = null, parked_at = null
    where kind in ('access', 'credential', 'command', 'conflict', 'hold', 'alias')`,
];

const REFUSED_STATE = [
  `create table refused_state (
    kind text not null, id text not null, reason text not null, since integer not null, asked_at integer not null,
    primary key (kind, id)) without rowid`,
];

// Without a rowid SQLite moves a body of more than some 1,000 bytes to a page of its own: three times the disk.
const ROWS_WITH_THEIR_BODIES = [
  "alter table replica_row rename to replica_row_before",
  "drop index replica_row_by_resource",
  "drop index replica_row_parked",
  `create table replica_row (
    scope text not null, kind text not null, id text not null, seq integer not null, body text,
    parked text, parked_at integer, primary key (scope, kind, id))`,
  `insert into replica_row (scope, kind, id, seq, body, parked, parked_at)
    select scope, kind, id, seq, body, parked, parked_at from replica_row_before`,
  "drop table replica_row_before",
  "create index replica_row_by_resource on replica_row (kind, id)",
  "create index replica_row_parked on replica_row (parked_at) where parked is not null",
];

/** Where the site stands with a life of its hub, and what it keeps for the next one. */
export const phasesMigration: Migration = {
  async up(db) {
    for (const statement of PHASES) await sql.raw(statement).execute(db);
  },
};

/** Observations that the hub could not take. */
export const refusedStateMigration: Migration = {
  async up(db) {
    for (const statement of REFUSED_STATE) await sql.raw(statement).execute(db);
  },
};

/** The feed's rows lie with their bodies. */
export const rowsWithTheirBodiesMigration: Migration = {
  async up(db) {
    for (const statement of ROWS_WITH_THEIR_BODIES) await sql.raw(statement).execute(db);
  },
};
