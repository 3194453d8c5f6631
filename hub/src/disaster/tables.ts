import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** What somebody with a token that a recovering hub does not know says of itself. Times are milliseconds since the epoch. */
export interface RecoveryClaimRow {
  /** Of the token. */
  readonly hash: string;
  readonly fingerprint: string;
  readonly site: string;
  readonly site_name: string;
  readonly tenant: string;
  readonly tenant_name: string;
  /** JSON: the lives of the lost hub that it knows, oldest first. */
  readonly lineage: string;
  /** From where it came last. */
  readonly address: string;
  readonly first_at: number;
  readonly seen_at: number;
  /** When an operator let it in. */
  readonly accepted_at: number | null;
}

export const recoveryClaimTable: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(
      db,
      "recovery_claim",
      {
        hash: "text",
        fingerprint: "text",
        site: "text",
        site_name: "text",
        tenant: "text",
        tenant_name: "text",
        lineage: "text",
        address: "text",
        first_at: "bigint",
        seen_at: "bigint",
        accepted_at: "bigint?",
      },
      ["hash"],
    );
    await db.schema.createIndex("recovery_claim_by_site").on("recovery_claim").column("site").execute();
  },
};
