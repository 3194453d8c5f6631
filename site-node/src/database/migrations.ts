import { sql } from "kysely";
import type { Migration } from "kysely/migration";
import { commandsMigration } from "../commands/migration.ts";
import { documentsMigration } from "../hosts/migration.ts";
import {
  askedFromMigration,
  deletedHereMigration,
  intentsMigration,
  intentsWithoutReasonMigration,
} from "../intents/migration.ts";
import { powerBegunMigration } from "../power/migration.ts";
import { admittedMigration } from "../releases/admitted.ts";
import { phasesMigration, refusedStateMigration, rowsWithTheirBodiesMigration } from "./sync-migrations.ts";

const TABLES = [
  `create table replica_position (
    scope text not null primary key, handle text not null, position text not null, seq integer not null, at integer not null)`,
  `create table replica_row (
    scope text not null, kind text not null, id text not null, seq integer not null, body text,
    parked text, parked_at integer, primary key (scope, kind, id)) without rowid`,
  "create index replica_row_by_resource on replica_row (kind, id)",
  "create index replica_row_parked on replica_row (parked_at) where parked is not null",
  `create table local_intent (
    number integer primary key autoincrement, id text not null unique, kind text not null, resource text not null, field text,
    base text not null, value text not null, actor text not null, at integer not null,
    outcome text, reason text, scope text, seq integer)`,
  "create index local_intent_by_resource on local_intent (kind, resource)",
  `create table outbox (
    number integer primary key autoincrement, lane integer not null, key text, body text,
    sealed integer not null default 0, added_at integer not null)`,
  "create unique index outbox_by_key on outbox (key) where key is not null and sealed = 0",
  "create index outbox_by_lane on outbox (sealed, lane, number)",
  `create table sealed_batch (
    first integer not null primary key, entries integer not null, hash text not null, body text not null, sealed_at integer not null)`,
  "create table lent_id (number integer not null primary key)",
  `create table enrolment_used (
    id text not null primary key, token_hash text not null, machine text not null, host text not null, at integer not null)`,
  "create index enrolment_used_by_token on enrolment_used (token_hash)",
  "create table credential (host text not null primary key, hash text not null, machine text not null, at integer not null)",
  "create table host_link (host text not null primary key, liveness text not null, report_hash text, mismatch text)",
  `create table desired_document (
    host text not null primary key, incarnation integer not null, counter integer not null, content text not null,
    published integer not null)`,
  `create table released (
    kind text not null, id text not null, reason text not null, stamp text not null, seq integer not null,
    primary key (kind, id))`,
  "create table counter (name text not null primary key, value integer not null)",
];

const PUTTING_OUT = [
  "create table expulsion (host text not null primary key, at integer not null)",
  "alter table desired_document add column reached text",
];

const REFUSING = "alter table host_link add column refusal text";

/** The site-node's own migrations, by name; a name and what it did are for ever. */
export const siteMigrations: Readonly<Record<string, Migration>> = {
  "site-0001-first": {
    async up(db) {
      for (const statement of TABLES) await sql.raw(statement).execute(db);
    },
  },
  "site-0002-putting-out": {
    async up(db) {
      for (const statement of PUTTING_OUT) await sql.raw(statement).execute(db);
    },
  },
  "site-0003-refusing": {
    async up(db) {
      await sql.raw(REFUSING).execute(db);
    },
  },
  "site-0004-phases": phasesMigration,
  "site-0005-commands": commandsMigration,
  "site-0006-intents": intentsMigration,
  "site-0007-refused-state": refusedStateMigration,
  "site-0008-power-begun": powerBegunMigration,
  "site-0009-rows-with-their-bodies": rowsWithTheirBodiesMigration,
  "site-0010-documents-beyond": documentsMigration,
  "site-0011-intents-without-reason": intentsWithoutReasonMigration,
  "site-0012-asked-from": askedFromMigration,
  "site-0013-deleted-here": deletedHereMigration,
  "site-0014-admitted-manifests": admittedMigration,
};
