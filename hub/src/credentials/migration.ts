import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** By what the machine of each host is known. */
export const credentials: Migration = {
  async up(db: Kysely<unknown>) {
    const columns = { tenant: "text", host: "text", hash: "text", machine: "text", at: "bigint" } as const;
    await createTable(db, "host_credential", columns, ["tenant", "host"]);
  },
};
