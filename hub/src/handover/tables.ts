import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** A machine that has shown up at a site that is not its own. Times are milliseconds since the epoch, hub's clock. */
export interface ArrivalRow {
  readonly tenant: string;
  readonly host: string;
  readonly site: string;
  readonly machine: string;
  readonly since: number;
  readonly seen_at: number;
}

/** An id that is no more: the same machine is known as another. */
export interface HostAliasRow {
  readonly tenant: string;
  readonly alias: string;
  readonly of: string;
  /** In whose feed it stands. */
  readonly site: string;
  readonly at: number;
}

/** Machines that are elsewhere, and ids that were two of one machine. */
export const handoverTables: Migration = {
  async up(db: Kysely<unknown>) {
    const arrival = {
      ...({ tenant: "text", host: "text", site: "text", machine: "text" } as const),
      ...({ since: "bigint", seen_at: "bigint" } as const),
    };
    await createTable(db, "arrival", arrival, ["tenant", "host"]);
    const alias = { tenant: "text", alias: "text", of: "text", site: "text", at: "bigint" } as const;
    await createTable(db, "host_alias", alias, ["tenant", "alias"]);
    await db.schema.createIndex("host_alias_by_survivor").on("host_alias").columns(["tenant", "of"]).execute();
  },
};
