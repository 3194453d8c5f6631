import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** Nothing disruptive is done at a site until an operator says so. */
export interface HoldRow {
  readonly site: string;
  readonly hold: string;
  readonly tenant: string;
  readonly reason: string;
  readonly since: number;
}

export const holdTable: Migration = {
  async up(db: Kysely<unknown>) {
    const hold = { site: "text", hold: "text", tenant: "text", reason: "text", since: "bigint" } as const;
    await createTable(db, "hub_hold", hold, ["site"]);
    await db.schema.createIndex("hub_hold_by_tenant").on("hub_hold").column("tenant").execute();
  },
};
