import { type Grant, type Ids, isHubRole, isOrganisationRole, isProjectRole } from "@holdfast/inventory/api/roles";

/** A role as it is kept: where it is held is the id of a project or of an organisation, `*` for all, empty for the hub. */
export interface RolePlace {
  readonly role: string;
  readonly place: string;
}

/** Everywhere. */
export const ALL = "*";

/** What roles let their holder do. A name that this version does not know is passed over: it gives nothing. */
export function grantsOf(roles: readonly RolePlace[]): Grant[] {
  return [...Map.groupBy(roles, ({ role }) => role)].flatMap(([role, held]): Grant[] => {
    const places = held.map(({ place }) => place).filter((place) => place !== "");
    const ids: Ids = places.includes(ALL) ? "all" : places;
    if (isHubRole(role)) return held.some(({ place }) => place === "") ? [{ role }] : [];
    if (places.length === 0) return [];
    if (isProjectRole(role)) return [{ role, projects: ids }];
    return isOrganisationRole(role) ? [{ role, organisations: ids }] : [];
  });
}

/**
 * Roles as a realm of EIM names them: `UUID_im-rw`, plain for those of the hub. `projects` and `organisations` are what there
 * is, for who holds a role in all.
 */
export function realmRoles(
  roles: readonly RolePlace[],
  { projects, organisations }: { projects: readonly string[]; organisations: readonly string[] },
): string[] {
  const named = roles.flatMap(({ role, place }) => {
    if (place === "") return [role];
    if (place !== ALL) return [`${place}_${role}`];
    return (isOrganisationRole(role) ? organisations : projects).map((id) => `${id}_${role}`);
  });
  return [...new Set(named)];
}

/**
 * Reads `UUID_im-rw`, `UUID_project-read-role` and the hub's own roles; undefined for what is none of ours. It says nothing of
 * whether there is what the UUID stands for. There are no names of projects in it: the next project of a name is another's.
 */
export function readRealmRole(text: string): RolePlace | undefined {
  if (isHubRole(text)) return { role: text, place: "" };
  const at = text.lastIndexOf("_");
  const [place, role] = [text.slice(0, at), text.slice(at + 1)];
  return at > 0 && place !== ALL && (isProjectRole(role) || isOrganisationRole(role)) ? { role, place } : undefined;
}
