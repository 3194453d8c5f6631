import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** Which sites have told a hub that lost history all that they hold, and at which sites nothing disruptive is done. */
export const streams: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(db, "site_recovery", { site: "text", epoch: "text", at: "bigint" }, ["site"]);
    const hold = { site: "text", hold: "text", tenant: "text", reason: "text", since: "bigint" } as const;
    await createTable(db, "hub_hold", hold, ["site"]);
    await db.schema.createIndex("hub_hold_by_tenant").on("hub_hold").column("tenant").execute();
  },
};
