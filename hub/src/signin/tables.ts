import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** Somebody who signs in at the hub's own issuer. Times are milliseconds since the epoch. */
export interface UserRow {
  readonly id: string;
  /** In small letters: names differ by more than that. */
  readonly name: string;
  /** Of the password, as argon2 writes it down. */
  readonly hash: string;
  /** Counts what ends everything that was signed in before: another password, a lock. */
  readonly session: number;
  readonly created_at: number;
  /** When an operator locked it; null when it may sign in. */
  readonly locked_at: number | null;
}

/** A role of a user, and where they have it: the id of a project or of an organisation, `*` for all, empty for the hub. */
export interface UserRoleRow {
  readonly user: string;
  readonly role: string;
  readonly place: string;
}

/** Passwords that were wrong for a name, whether or not there is such a user. */
export interface SigninFailureRow {
  readonly name: string;
  readonly failures: number;
  readonly last_at: number;
  /** Nobody is let in by this name before. */
  readonly until: number;
}

/** A session that its user has ended, kept for as long as its tokens could be good. */
export interface EndedSessionRow {
  readonly id: string;
  readonly until: number;
}

export const signinTables: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(
      db,
      "signin_user",
      { id: "text", name: "text", hash: "text", session: "bigint", created_at: "bigint", locked_at: "bigint?" },
      ["id"],
    );
    await db.schema.createIndex("signin_user_by_name").unique().on("signin_user").column("name").execute();
    const roles = { user: "text", role: "text", place: "text" } as const;
    await createTable(db, "signin_role", roles, ["user", "role", "place"]);
    const failures = { name: "text", failures: "bigint", last_at: "bigint", until: "bigint" } as const;
    await createTable(db, "signin_failure", failures, ["name"]);
    await db.schema.createIndex("signin_failure_by_time").on("signin_failure").column("last_at").execute();
    await createTable(db, "signin_ended", { id: "text", until: "bigint" }, ["id"]);
  },
};
