import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "./create-table.ts";

/** Operators', sites' and machines' tokens. */
export const tokens: Migration = {
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

/** What sites send. */
export const uplink: Migration = {
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

/** How far the feeds had got at which time. */
export const feedMarks: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(db, "feed_mark", { at: "bigint", seq: "bigint" }, ["at"]);
  },
};
