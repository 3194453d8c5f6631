import type { View } from "@holdfast/inventory";
import type { Principal } from "@holdfast/inventory/api/principal";
import { madeMessage, type Project, type Projects, type Standing } from "@holdfast/inventory/api/projects";
import { may, mayInOrganisation } from "@holdfast/inventory/api/roles";
import type { HubTables } from "../tables.ts";
import { DEFAULT_ORGANISATION, type ProjectRow, type ProjectState } from "./tables.ts";

/** A project as the hub knows it. */
export interface KnownProject extends Project {
  readonly organisationId: string;
  readonly state: ProjectState;
  /** When its deletion was asked for, milliseconds since the epoch. */
  readonly deletingSince: number | undefined;
  readonly isForced: boolean;
}

interface Row extends Omit<ProjectRow, "tenant" | "organisation" | "created_at"> {
  readonly id: string;
  readonly frozen: number | null;
  readonly organisation: string;
  readonly organisation_id: string;
}

/** A tenant of which nothing more is known is one of the default organisation, as it is. */
const PROJECTS = `select t.tenant_id as id, t.name, t.frozen, o.name as organisation, o.id as organisation_id,
    coalesce(p.description, '') as description, coalesce(p.state, 'active') as state, coalesce(p.message, '') as message,
    coalesce(p.indicator, 'STATUS_INDICATION_IDLE') as indicator, coalesce(p.since, 0) as since, p.deleting_since, p.forced_at
  from tenant t left join project p on p.tenant = t.tenant_id
  join organisation o on (p.organisation is null and o.name = '${DEFAULT_ORGANISATION}') or o.id = p.organisation`;

/** Every project that is not gone, by name. */
export async function projectsIn(view: View): Promise<readonly KnownProject[]> {
  return (await view.rows<Row>(`${PROJECTS} order by t.name`, [])).map(known);
}

/** A project that is not gone, by its name or UUID. */
export async function projectIn(view: View, project: string): Promise<KnownProject | undefined> {
  const rows = await view.rows<Row>(`${PROJECTS} where t.tenant_id = ? or t.name = ?`, [project, project]);
  // An id before a name, as for tenants.
  const found = rows.find(({ id }) => id === project) ?? rows[0];
  return found && known(found);
}

/** What is remembered of a project that is being deleted or is gone; undefined for others. */
export async function formerProject(
  view: Pick<View, "tables">,
  tenant: string,
): Promise<Pick<ProjectRow, "name"> | undefined> {
  const found = view.tables<HubTables>().selectFrom("project").select("name").where("tenant", "=", tenant);
  return found.where("state", "in", ["deleting", "deleted"]).executeTakeFirst();
}

/** The hub's projects, for whoever may see them. */
export const HUB_PROJECTS: Projects = {
  async list(view, principal) {
    return (await projectsIn(view)).filter((project) => maySeeProject(principal, project));
  },
  find: (view, principal, project) => visibleProject(view, principal, project),
};

export async function visibleProject(
  view: View,
  principal: Principal,
  name: string,
): Promise<KnownProject | undefined> {
  const project = await projectIn(view, name);
  return project && maySeeProject(principal, project) ? project : undefined;
}

/** Once a project is being deleted it is there only for those who look after its organisation. */
function maySeeProject(principal: Principal, { id, organisationId, frozen }: KnownProject): boolean {
  if (mayInOrganisation(principal, "read-projects", organisationId)) return true;
  return frozen === undefined && may(principal, "read", id);
}

function known(row: Row): KnownProject {
  const { id, name, frozen, organisation, organisation_id: organisationId, description, state } = row;
  const message = row.message === "" ? madeMessage("Project", name) : row.message;
  return {
    ...{ id, name, organisation, organisationId, description, state },
    ...(frozen === null ? {} : { frozen: Number(frozen) }),
    standing: { indicator: row.indicator as Standing["indicator"], message, at: Number(row.since) },
    deletingSince: row.deleting_since === null ? undefined : Number(row.deleting_since),
    isForced: row.forced_at !== null,
  };
}
