import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

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

export const uplinkTables: Migration = {
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
  },
};
