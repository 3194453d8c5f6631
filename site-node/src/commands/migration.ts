import { sql } from "kysely";
import type { Migration } from "kysely/migration";

const STATEMENTS = [
  `create table command_journal (
    id text not null primary key, host text not null, command text not null, status text not null, reason text,
    actor text not null, token text, issued_at integer not null, not_after integer not null, updated_at integer not null,
    given_here integer not null, incarnation integer not null, told_epoch text)`,
  "create index command_journal_by_host on command_journal (host, issued_at)",
  "create index command_journal_by_status on command_journal (status, issued_at)",
  "create table local_act (host text not null, act text not null, seq integer, primary key (host, act)) without rowid",
  `create table host_power (
    host text not null primary key, id text not null, session text not null, at integer not null, tries integer not null,
    outcome text, reason text)`,
];

/** What was done about commands, what fences them, and the last order to switch each machine off. */
export const commandsMigration: Migration = {
  async up(db) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
