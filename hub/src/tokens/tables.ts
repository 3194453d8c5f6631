import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** For how long after the hub was last heard a site still takes an operator's token, unless its maker says otherwise. */
export const OFFLINE_SECONDS = 90 * 86_400;

/** An operator's token has a role and tenants; a site's token has its site. */
export interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  /** `read` or `write` of an operator's: what a site goes by that knows no `roles`, so never more than those give. */
  readonly role: "read" | "write" | "site" | "manager";
  /** JSON: names of roles; null: `role` says all. */
  readonly roles: string | null;
  /** JSON: the observed fields that a manager may write, by kind; null of all others. */
  readonly fields: string | null;
  /** Of a service token or a manager's: who made it, as the audit log names them; null of all others. */
  readonly made_by: string | null;
  /** JSON: `"all"`, or the ids of the tenants that it opens. */
  readonly tenants: string;
  readonly site: string | null;
  readonly created_at: number;
  readonly not_after: number | null;
  readonly revoked_at: number | null;
  /** For how long after the hub was last heard a site takes an operator's token. */
  readonly offline_seconds: number;
  /** JSON: ids of the tenants, and scopes of the sites, in whose feeds it stands. */
  readonly shown: string;
  /** The site that gave it back first to a hub that had lost it: it opens there what operators have confirmed. */
  readonly recovered_from: string | null;
}

/** A one-time enrolment token that stands in a site's feed. */
export interface EnrolmentRow {
  readonly id: string;
  readonly tenant: string;
  readonly site: string;
  readonly not_after: number;
}

/** An observed field that a manager may write, while its token stands: of a tenant by id, or of all (`*`). */
export interface ManagedFieldRow {
  readonly token: string;
  readonly tenant: string;
  readonly kind: string;
  readonly field: string;
}

/** A site's word that an operator's token opens its project, given to a hub that did not know so. */
export interface GivenBackRow {
  readonly token: string;
  readonly site: string;
  readonly tenant: string;
  /** Milliseconds since the epoch, hub's clock. */
  readonly at: number;
}

export const tokenTables: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(
      db,
      "token",
      {
        id: "text",
        hash: "text",
        name: "text",
        role: "text",
        tenants: "text",
        site: "text?",
        created_at: "bigint",
        not_after: "bigint?",
        revoked_at: "bigint?",
      },
      ["id"],
    );
    await db.schema.createIndex("token_by_hash").unique().on("token").column("hash").execute();
    await createTable(db, "enrolment", { id: "text", tenant: "text", site: "text", not_after: "bigint" }, ["id"]);
    await db.schema.createIndex("enrolment_by_end").on("enrolment").column("not_after").execute();
  },
};

/** How long a cut-off site takes a token, where it stands in the feeds, and which site gave it back after a disaster. */
export const accessColumns: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable("token")
      .addColumn("offline_seconds", "bigint", (column) => column.notNull().defaultTo(OFFLINE_SECONDS))
      .execute();
    await db.schema
      .alterTable("token")
      .addColumn("shown", "text", (column) => column.notNull().defaultTo("[]"))
      .execute();
    await db.schema.alterTable("token").addColumn("recovered_from", "text").execute();
  },
};

/** What a token may do where reading and writing do not say it, who made it, and which fields managers have. */
export const serviceTokenColumns: Migration = {
  async up(db: Kysely<unknown>) {
    for (const column of ["roles", "fields", "made_by"]) {
      await db.schema.alterTable("token").addColumn(column, "text").execute();
    }
    const columns = { token: "text", tenant: "text", kind: "text", field: "text" } as const;
    await createTable(db, "managed_field", columns, ["kind", "field", "tenant", "token"]);
  },
};

export const givenBackTable: Migration = {
  async up(db: Kysely<unknown>) {
    const columns = { token: "text", site: "text", tenant: "text", at: "bigint" } as const;
    await createTable(db, "token_given_back", columns, ["token", "site"]);
  },
};
