import type { CommandEntry } from "@holdfast/protocol";
import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** Something asked of a machine once (rule 17). Times are milliseconds since the epoch. */
export interface CommandRow {
  readonly id: string;
  readonly tenant: string;
  readonly host: string;
  /** The site that managed the host when it was given: nobody else carries it out or reports on it. */
  readonly site: string;
  /** Of the site, as the hub knew it then. */
  readonly incarnation: number;
  /** One of `COMMANDS`, or what a newer site calls it. */
  readonly command: string;
  readonly status: "pending" | CommandEntry["status"];
  readonly reason: string | null;
  /** Who said how it ended: the site's word outdoes the hub's guess. Null while it has not ended. */
  readonly ended_by: "hub" | "site" | null;
  readonly actor: string;
  readonly issued_at: number;
  readonly not_after: number;
  readonly updated_at: number;
  /** Of its row in the site's feed; null when it was given at the site. */
  readonly seq: number | null;
}

export const commandTable: Migration = {
  async up(db: Kysely<unknown>) {
    await createTable(
      db,
      "command",
      {
        id: "text",
        tenant: "text",
        host: "text",
        site: "text",
        incarnation: "bigint",
        command: "text",
        status: "text",
        reason: "text?",
        ended_by: "text?",
        actor: "text",
        issued_at: "bigint",
        not_after: "bigint",
        updated_at: "bigint",
        seq: "bigint?",
      },
      ["id"],
    );
    const by = (name: string, columns: string[]) => db.schema.createIndex(name).on("command").columns(columns);
    await by("command_by_host", ["tenant", "host", "issued_at"]).execute();
    await by("command_by_site", ["site", "ended_by"]).execute();
    await by("command_by_end", ["ended_by", "not_after"]).execute();
    await by("command_by_update", ["updated_at"]).execute();
  },
};
