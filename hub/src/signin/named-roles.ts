import type { View } from "@holdfast/inventory";
import {
  HUB_ROLES,
  isHubRole,
  isOrganisationRole,
  isProjectRole,
  ORGANISATION_ROLES,
  PROJECT_ROLES,
} from "@holdfast/inventory/api/roles";
import { Fault } from "@holdfast/runtime";
import { organisationId } from "./organisation-ids.ts";
import { ALL, type RolePlace } from "./role-place.ts";

/** Roles as an operator names them: lists with commas between, `all` for wherever there is and will be. */
export interface NamedRoles {
  readonly roles: string;
  readonly projects: string;
  readonly organisations: string;
}

/** What every role is called, for help texts. */
export const ROLE_NAMES: readonly string[] = [...PROJECT_ROLES, ...ORGANISATION_ROLES, ...HUB_ROLES];

/** The roles meant. Throws InvalidArgument for a role, and NotFound for a project or organisation, that there is not, naming the setting. */
export async function placedRoles(view: View, named: NamedRoles): Promise<RolePlace[]> {
  const roles = listOf(named.roles);
  const projects = roles.some(isProjectRole) ? await projectIds(view, named.projects) : [];
  const organisations = roles.some(isOrganisationRole) ? await organisationPlaces(view, named.organisations) : [];
  return roles.flatMap((role): RolePlace[] => {
    if (isHubRole(role)) return [{ role, place: "" }];
    if (isProjectRole(role)) return projects.map((place) => ({ role, place }));
    if (!isOrganisationRole(role)) {
      throw new Fault("InvalidArgument", `--roles: "${role}" is none of ${ROLE_NAMES.join(", ")}`);
    }
    return organisations.map((place) => ({ role, place }));
  });
}

/** Ids of the projects of a list, or the sign for all. Throws NotFound naming `--projects`. */
export async function projectIds(view: View, projects: string): Promise<readonly string[]> {
  if (projects === "all") return [ALL];
  const ids: string[] = [];
  for (const name of listOf(projects)) {
    const tenant = await view.tenant(name);
    if (!tenant) throw new Fault("NotFound", `--projects: no project is called ${name}`);
    ids.push(tenant.id);
  }
  return ids;
}

async function organisationPlaces(view: View, organisations: string): Promise<readonly string[]> {
  if (organisations === "all") return [ALL];
  const ids: string[] = [];
  for (const name of listOf(organisations)) {
    const id = await organisationId(view, name);
    if (id === undefined) throw new Fault("NotFound", `--organisations: no organisation is called ${name}`);
    ids.push(id);
  }
  return ids;
}

function listOf(text: string): readonly string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}
