/** Ids, or whatever there is and will be. */
export type Ids = "all" | readonly string[];

/** What may be done in a project. */
export type Action = "read" | "write" | "power" | "console" | "audit" | "observe";

/** What each role of a project lets its holder do. Whoever has any of them sees the project. */
const PROJECT_ACTIONS = {
  "im-r": ["read"],
  "im-rw": ["read", "write", "power", "console"],
  "oob-power": ["read", "power"],
  "oob-console": ["read", "console"],
  auditor: ["read", "audit"],
  manager: ["read", "observe"],
} as const satisfies Readonly<Record<string, readonly Action[]>>;

/** What may be done with an organisation's projects. */
export type OrganisationAction = "read-projects" | "create-projects" | "change-projects" | "delete-projects";

const ORGANISATION_ACTIONS = {
  "project-read-role": ["read-projects"],
  "project-write-role": ["read-projects", "create-projects", "change-projects"],
  "project-update-role": ["read-projects", "change-projects"],
  "project-delete-role": ["read-projects", "delete-projects"],
} as const satisfies Readonly<Record<string, readonly OrganisationAction[]>>;

/** What may be done at the hub beside any organisation or project; `administer` is everything of that, and more to come. */
export type HubAction =
  | "read-organisations"
  | "create-organisations"
  | "change-organisations"
  | "delete-organisations"
  | "administer";

const HUB_ACTIONS = {
  "org-read-role": ["read-organisations"],
  "org-write-role": ["read-organisations", "create-organisations", "change-organisations"],
  "org-update-role": ["read-organisations", "change-organisations"],
  "org-delete-role": ["read-organisations", "delete-organisations"],
  "hub-admin": [
    "read-organisations",
    "create-organisations",
    "change-organisations",
    "delete-organisations",
    "administer",
  ],
} as const satisfies Readonly<Record<string, readonly HubAction[]>>;

export type ProjectRole = Exclude<keyof typeof PROJECT_ACTIONS, "manager">;
export type OrganisationRole = keyof typeof ORGANISATION_ACTIONS;
export type HubRole = keyof typeof HUB_ACTIONS;

/** A role and where it is held; a manager's says which observed fields it may write, by kind. */
export type Grant =
  | { readonly role: ProjectRole; readonly projects: Ids }
  | { readonly role: "manager"; readonly projects: Ids; readonly fields: ManagedFields }
  | { readonly role: OrganisationRole; readonly organisations: Ids }
  | { readonly role: HubRole };

/** In the place of a field's name: all of a kind of which operators write nothing, which its manager makes and removes too. */
export const WHOLE = "*";

/** Names of fields, by the name of their kind: `{ host: ["amtStatus"] }`. */
export type ManagedFields = Readonly<Record<string, readonly string[]>>;

interface Holder {
  readonly grants: readonly Grant[];
}

export const PROJECT_ROLES = namesOf(PROJECT_ACTIONS).filter((role) => role !== "manager");
export const ORGANISATION_ROLES = namesOf(ORGANISATION_ACTIONS);
export const HUB_ROLES = namesOf(HUB_ACTIONS);

/** What a role lets its holder do in a project. */
export function roleActions(role: ProjectRole): readonly Action[] {
  return PROJECT_ACTIONS[role];
}

/** Whether a project may be acted on so; `tenant` is its id. A hub's administrator audits every project. */
export function may({ grants }: Holder, action: Action, tenant: string): boolean {
  return grants.some((grant) => {
    if ("projects" in grant) return allows(PROJECT_ACTIONS[grant.role], action) && covers(grant.projects, tenant);
    return grant.role === "hub-admin" && allows(PROJECT_ACTIONS.auditor, action);
  });
}

/** Whether there can be a project that may be acted on so. */
export function mayAnywhere({ grants }: Holder, action: Action): boolean {
  return grants.some((grant) => {
    if ("projects" in grant) return allows(PROJECT_ACTIONS[grant.role], action) && grant.projects.length > 0;
    return grant.role === "hub-admin" && allows(PROJECT_ACTIONS.auditor, action);
  });
}

/** Whether an organisation's projects may be dealt with so; `organisation` is its id. */
export function mayInOrganisation(holder: Holder, action: OrganisationAction, organisation: string): boolean {
  if (mayAtHub(holder, "administer")) return true;
  return holder.grants.some(
    (grant) =>
      "organisations" in grant &&
      allows(ORGANISATION_ACTIONS[grant.role], action) &&
      covers(grant.organisations, organisation),
  );
}

export function mayAtHub({ grants }: Holder, action: HubAction): boolean {
  return grants.some(({ role }) => isHubRole(role) && allows(HUB_ACTIONS[role], action));
}

/** The observed fields of a kind that its holder may write in a project. */
export function managedFields({ grants }: Holder, kind: string, tenant: string): readonly string[] {
  return grants.flatMap((grant) =>
    grant.role === "manager" && covers(grant.projects, tenant) ? (grant.fields[kind] ?? []) : [],
  );
}

/** Whether its holder keeps the resources of a kind in a project. */
export function keeps(holder: Holder, kind: string, tenant: string): boolean {
  return managedFields(holder, kind, tenant).includes(WHOLE);
}

/** What the roles of operators' tokens stand for; one that may write in every project administers the hub, too. */
export function operatorGrants(role: "read" | "write", projects: Ids): readonly Grant[] {
  if (role === "read") return [{ role: "im-r", projects }];
  return [{ role: "im-rw", projects }, ...(projects === "all" ? [{ role: "hub-admin" } as const] : [])];
}

/**
 * What the roles of a token in some projects stand for; `role` alone when none are named. What this version does not know gives
 * nothing.
 */
export function tokenGrants(
  { role, roles }: { readonly role: "read" | "write"; readonly roles?: readonly string[] | undefined },
  projects: Ids,
): readonly Grant[] {
  if (roles === undefined) return operatorGrants(role, projects);
  return roles.flatMap((name): Grant[] => {
    if (isHubRole(name)) return [{ role: name }];
    return isProjectRole(name) ? [{ role: name, projects }] : [];
  });
}

export function isProjectRole(name: string): name is ProjectRole {
  return Object.hasOwn(PROJECT_ACTIONS, name) && name !== "manager";
}

export function isOrganisationRole(name: string): name is OrganisationRole {
  return Object.hasOwn(ORGANISATION_ACTIONS, name);
}

export function isHubRole(name: string): name is HubRole {
  return Object.hasOwn(HUB_ACTIONS, name);
}

function allows(actions: readonly string[], action: string): boolean {
  return actions.includes(action);
}

function covers(ids: Ids, id: string): boolean {
  return ids === "all" || ids.includes(id);
}

function namesOf<T extends object>(table: T): readonly (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[];
}
