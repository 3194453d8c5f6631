import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** Rows that a site holds and that refer to what the hub does not know yet. */
export const recovery: Migration = {
  async up(db: Kysely<unknown>) {
    const columns = { site: "text", kind: "text", id: "text", epoch: "text", number: "bigint", entry: "text" } as const;
    await createTable(db, "recovery_waiting", columns, ["site", "kind", "id"]);
  },
};
