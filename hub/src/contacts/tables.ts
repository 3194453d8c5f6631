import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** What is remembered of hearing a site. Times are milliseconds since the epoch, hub's clock. */
export interface SiteContactRow {
  readonly site: string;
  /** Null when it has only been turned away. */
  readonly heard_at: number | null;
  /** The protocol's version that it speaks. */
  readonly protocol: number | null;
  /** Why it was turned away, when that was the last thing that happened. */
  readonly refused: string | null;
  readonly refused_at: number | null;
}

export const contactTable: Migration = {
  async up(db: Kysely<unknown>) {
    const noted = { heard_at: "bigint?", protocol: "bigint?", refused: "text?", refused_at: "bigint?" } as const;
    await createTable(db, "site_contact", { site: "text", ...noted }, ["site"]);
  },
};
