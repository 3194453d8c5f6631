import type { Tenant, View } from "../store/contract.ts";
import { maySee, type Principal } from "./principal.ts";

/** How something fares, as the clients of projects and organisations read it. */
export interface Standing {
  readonly indicator: "STATUS_INDICATION_IDLE" | "STATUS_INDICATION_IN_PROGRESS" | "STATUS_INDICATION_ERROR";
  readonly message: string;
  /** Since when, milliseconds since the epoch. */
  readonly at: number;
}

/** A project beside its resources. */
export interface Project extends Tenant {
  /** Name of its organisation. */
  readonly organisation: string;
  readonly description: string;
  readonly standing: Standing;
}

/** What is known of projects. */
export interface Projects {
  /** Those that a principal may see, by name. */
  list(view: View, principal: Principal): Promise<readonly Project[]>;
  /** By name or UUID; undefined both when there is none and when the principal may not see it. */
  find(view: View, principal: Principal, project: string): Promise<Project | undefined>;
}

/** Where nothing is known of projects but that they are there. */
export const PLAIN_PROJECTS: Projects = {
  async list(view, principal) {
    const seen = (await view.tenants()).filter((tenant) => maySee(principal, tenant));
    return seen.map(plain).sort((one, other) => (one.name < other.name ? -1 : 1));
  },
  async find(view, principal, project) {
    const tenant = await view.tenant(project);
    return tenant && maySee(principal, tenant) ? plain(tenant) : undefined;
  },
};

function plain(tenant: Tenant): Project {
  const standing = {
    indicator: "STATUS_INDICATION_IDLE",
    message: madeMessage("Project", tenant.name),
    at: 0,
  } as const;
  return { ...tenant, organisation: "default", description: "", standing };
}

/** What clients read of something that is as it shall be. */
export function madeMessage(what: "Project" | "Org", name: string): string {
  return `${what} ${name} CREATE is complete`;
}

/** A status as clients read it; its time in seconds since the epoch. */
export function shownStanding({ indicator, message, at }: Standing, id: string): object {
  return { message, statusIndicator: indicator, timeStamp: Math.floor(at / 1_000), uID: id };
}

/** A project as clients read it. */
export function shownProject({ id, name, organisation, description, standing }: Project): object {
  const status = { projectStatus: shownStanding(standing, id) };
  return { name, orgName: organisation, spec: { description }, status };
}
