import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "./create-table.ts";

/** The hub's own tables, beside the inventory's in the same database. Times are milliseconds since the epoch. */
export interface HubTables {
  readonly token: TokenRow;
  readonly enrolment: EnrolmentRow;
  readonly uplink_stream: UplinkStreamRow;
  readonly quarantine: QuarantineRow;
  readonly event: EventRow;
  readonly conflict: ConflictRow;
  readonly id_block: IdBlockRow;
  readonly intent_outcome: IntentOutcomeRow;
  readonly feed_mark: FeedMarkRow;
}

/** An operator's token has a role and tenants; a site's token has its site. */
export interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly role: "read" | "write" | "site";
  /** JSON: `"all"`, or the ids of the tenants that it opens. */
  readonly tenants: string;
  readonly site: string | null;
  readonly created_at: number;
  readonly not_after: number | null;
  readonly revoked_at: number | null;
}

/** A one-time enrolment token that stands in a site's feed. */
export interface EnrolmentRow {
  readonly id: string;
  readonly tenant: string;
  readonly site: string;
  readonly not_after: number;
}

/** The life of a site that the hub follows now, and the last batch of it. */
export interface UplinkStreamRow {
  readonly site: string;
  readonly epoch: string;
  readonly incarnation: number;
  readonly cursor: number;
  readonly last_hash: string;
  readonly last_reply: string;
  readonly last_at: number;
}

/** An entry that could not be applied, with its reason. */
export interface QuarantineRow {
  readonly site: string;
  readonly number: number;
  readonly epoch: string;
  readonly incarnation: number;
  readonly seq: number;
  readonly at: number;
  readonly reason: string;
  readonly entry: string;
}

export interface EventRow {
  readonly site: string;
  readonly number: number;
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly event: string;
  /** By the site's clock, which may be wrong: shown, never used for order. */
  readonly reported_at: number;
  readonly received_at: number;
  readonly detail: string | null;
}

/** A local intent that found another write in its place. Both values are kept; an operator chooses. */
export interface ConflictRow {
  readonly intent: string;
  readonly tenant: string;
  readonly site: string;
  readonly kind: string;
  readonly resource_id: string;
  readonly field: string | null;
  readonly base: string | null;
  /** JSON; null when nothing stands there. */
  readonly hub_value: string | null;
  readonly hub_stamp: string | null;
  readonly site_value: string;
  readonly reason: string;
  readonly actor: string;
  readonly reported_at: number;
  readonly received_at: number;
}

/** Numbers of ids that were lent to a site: nobody else may use them (rule 16). */
export interface IdBlockRow {
  readonly first: number;
  readonly count: number;
  readonly site: string;
  readonly epoch: string;
  readonly incarnation: number;
}

/** What became of a local intent, for one that comes again in another life of its site (rule 7). */
export interface IntentOutcomeRow {
  readonly site: string;
  readonly intent: string;
  readonly number: number;
  /** JSON. */
  readonly outcome: string;
}

/** How far the feeds of all scopes had got at some time. */
export interface FeedMarkRow {
  readonly at: number;
  readonly seq: number;
}

const tokens: Migration = {
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

const uplink: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(
      db,
      "uplink_stream",
      {
        site: "text",
        epoch: "text",
        incarnation: "bigint",
        cursor: "bigint",
        last_hash: "text",
        last_reply: "text",
        last_at: "bigint",
      },
      ["site"],
    );
    await createTable(
      db,
      "quarantine",
      {
        site: "text",
        number: "bigint",
        epoch: "text",
        incarnation: "bigint",
        seq: "bigint",
        at: "bigint",
        reason: "text",
        entry: "text",
      },
      ["site", "number"],
    );
    await createTable(
      db,
      "event",
      {
        site: "text",
        number: "bigint",
        id: "text",
        kind: "text",
        subject: "text",
        event: "text",
        reported_at: "bigint",
        received_at: "bigint",
        detail: "text?",
      },
      ["site", "number"],
    );
    await createTable(
      db,
      "conflict",
      {
        intent: "text",
        tenant: "text",
        site: "text",
        kind: "text",
        resource_id: "text",
        field: "text?",
        base: "text?",
        hub_value: "text?",
        hub_stamp: "text?",
        site_value: "text",
        reason: "text",
        actor: "text",
        reported_at: "bigint",
        received_at: "bigint",
      },
      ["site", "intent"],
    );
    await createTable(db, "intent_outcome", { site: "text", intent: "text", number: "bigint", outcome: "text" }, [
      "site",
      "intent",
    ]);
    await db.schema.createIndex("intent_outcome_by_number").on("intent_outcome").columns(["site", "number"]).execute();
    await createTable(
      db,
      "id_block",
      { first: "bigint", count: "bigint", site: "text", epoch: "text", incarnation: "bigint" },
      ["first"],
    );
    await db.schema.createIndex("conflict_by_resource").on("conflict").columns(["tenant", "resource_id"]).execute();
  },
};

const feedMarks: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(db, "feed_mark", { at: "bigint", seq: "bigint" }, ["at"]);
  },
};

/** The hub's migrations, by name. A name and what it does are for ever; what comes later is a migration of its own. */
export const HUB_MIGRATIONS: Readonly<Record<string, Migration>> = {
  "hub-0001-tokens": tokens,
  "hub-0002-uplink": uplink,
  "hub-0003-feed-marks": feedMarks,
};
