import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** How far the feeds of all scopes had got at some time. */
export interface FeedMarkRow {
  readonly at: number;
  readonly seq: number;
}

export const feedMarkTable: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(db, "feed_mark", { at: "bigint", seq: "bigint" }, ["at"]);
  },
};
