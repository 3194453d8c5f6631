import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** In which life of the hub a site has last told all that it holds. */
export interface SiteRecoveryRow {
  readonly site: string;
  readonly epoch: string;
  readonly at: number;
}

/** A row that a site holds and that could not be taken back yet. */
export interface RecoveryWaitingRow {
  readonly site: string;
  readonly kind: string;
  readonly id: string;
  readonly epoch: string;
  readonly number: number;
  /** JSON. */
  readonly entry: string;
}

export const siteRecoveryTable: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(db, "site_recovery", { site: "text", epoch: "text", at: "bigint" }, ["site"]);
  },
};

export const recoveryWaitingTable: Migration = {
  async up(db: Kysely<unknown>) {
    const columns = { site: "text", kind: "text", id: "text", epoch: "text", number: "bigint", entry: "text" } as const;
    await createTable(db, "recovery_waiting", columns, ["site", "kind", "id"]);
  },
};
