import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** By what the machine of a host is known: the hash of its secret. */
export interface HostCredentialRow {
  readonly tenant: string;
  readonly host: string;
  readonly hash: string;
  readonly machine: string;
  readonly at: number;
}

export const credentialTable: Migration = {
  async up(db: Kysely<unknown>) {
    const columns = { tenant: "text", host: "text", hash: "text", machine: "text", at: "bigint" } as const;
    await createTable(db, "host_credential", columns, ["tenant", "host"]);
  },
};
