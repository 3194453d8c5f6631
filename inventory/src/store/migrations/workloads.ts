import type { Migration } from "kysely/migration";
import { kindTable, of, type Schema, uniqueInTenant } from "./kind-table.ts";

/** Workloads have a table. Never changed; what comes later is a migration of its own. */
export const workloads: Migration = {
  async up(db: Schema) {
    await kindTable(db, "workload", of("text", "kind name external_id status"), []);
    await uniqueInTenant(db, "workload", ["external_id"]);
  },
};
