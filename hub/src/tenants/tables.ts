import { randomUUID } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { createTable } from "../create-table.ts";

/** The organisation of whatever names none. */
export const DEFAULT_ORGANISATION = "default";

export interface OrganisationRow {
  /** A UUID. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly created_at: number;
}

/** `creating`: it is there, its defaults are not all. `deleted`: it is gone, and its UUID is never taken again. */
export type ProjectState = "creating" | "active" | "deleting" | "deleted";

/** What the hub knows of a tenant beside its name; it outlives the tenant. */
export interface ProjectRow {
  /** The tenant's UUID. */
  readonly tenant: string;
  /** As it was called last. */
  readonly name: string;
  readonly organisation: string;
  readonly description: string;
  readonly state: ProjectState;
  readonly message: string;
  readonly indicator: string;
  /** Since when state and message are so. */
  readonly since: number;
  readonly created_at: number;
  /** When somebody asked for its deletion. */
  readonly deleting_since: number | null;
  /** When an administrator said that its sites are not waited for. */
  readonly forced_at: number | null;
}

/** A step of a project's creation that is done. */
export interface ProjectStepRow {
  readonly tenant: string;
  readonly step: string;
  readonly at: number;
}

/** Those that were there before organisations were are the default one's, and get what every project begins with. */
export const tenancyTables: Migration = {
  async up(db: Kysely<unknown>) {
    const organisation = { id: "text", name: "text", description: "text", created_at: "bigint" } as const;
    await createTable(db, "organisation", organisation, ["id"]);
    await db.schema.createIndex("organisation_by_name").unique().on("organisation").column("name").execute();
    const said = { name: "text", organisation: "text", description: "text", state: "text", message: "text" } as const;
    const times = { since: "bigint", created_at: "bigint", deleting_since: "bigint?", forced_at: "bigint?" } as const;
    const project = { tenant: "text", ...said, indicator: "text", ...times } as const;
    await createTable(db, "project", project, ["tenant"]);
    await createTable(db, "project_step", { tenant: "text", step: "text", at: "bigint" }, ["tenant", "step"]);
    const id = randomUUID();
    await sql`insert into organisation values (${id}, ${DEFAULT_ORGANISATION}, '', 0)`.execute(db);
    await sql`insert into project (tenant, name, organisation, description, state, message, indicator, since, created_at)
      select tenant_id, name, ${id}, '', 'creating', 'Project ' || name || ' CREATE is in progress',
        'STATUS_INDICATION_IN_PROGRESS', 0, 0 from tenant`.execute(db);
  },
};
