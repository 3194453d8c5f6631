import { sql } from "kysely";
import type { Migration } from "kysely/migration";

const STATEMENTS = [
  "alter table local_intent add column token text",
  "alter table local_intent add column resolves text",
  "alter table local_intent add column bound integer not null default 0",
  "create index local_intent_judged on local_intent (outcome) where outcome is not null",
  "create index local_intent_resolving on local_intent (number) where resolves is not null",
  `create table refused_intent (
    number integer primary key autoincrement, id text not null unique, kind text not null, resource text not null, field text,
    value text not null, actor text not null, at integer not null, result text not null, reason text, conflict text)`,
  `insert into refused_intent (id, kind, resource, field, value, actor, at, result, reason)
    select id, kind, resource, field, value, actor, at, outcome, reason from local_intent
      where outcome in ('quarantined', 'conflict') order by number`,
  "create table hold_released (hold text not null primary key, actor text not null, at integer not null)",
];

/** Why the hub turned an intent down stands with what it turned down, and nobody read it here. */
export const intentsWithoutReasonMigration: Migration = {
  async up(db) {
    await sql`alter table local_intent drop column reason`.execute(db);
  },
};

/** From where it was asked for, for the hub's audit log. */
export const askedFromMigration: Migration = {
  async up(db) {
    for (const table of ["local_intent", "command_journal"]) {
      await sql.raw(`alter table ${table} add column asked_from text`).execute(db);
    }
  },
};

/** What operators deleted here, after it has gone everywhere. */
export const deletedHereMigration: Migration = {
  async up(db) {
    await sql`create table deleted_here (number integer not null primary key, id text not null unique, entry text not null)`.execute(
      db,
    );
  },
};

/** What operators want at the site: whose word it was, what it chooses from, and what the hub made of it. */
export const intentsMigration: Migration = {
  async up(db) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
  },
};
