import {
  type Author,
  type Authority,
  audit,
  authorOf,
  frozenTenant,
  type Store,
  type Transaction,
} from "@holdfast/inventory";
import { type Clock, Fault, hours } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import { type KnownProject, projectIn } from "./book.ts";
import { checkName } from "./names.ts";

/** How long the sites of a project that is being deleted are waited for, before an administrator may pass them over. */
export const FORCED_AFTER = hours(1);

const LONGEST_DESCRIPTION = 1_024;

/** Makes, changes and deletes projects. What is asked for is noted at once; the controller carries it out. */
export interface ProjectWrites {
  /** Makes a project. Throws AlreadyExists when the name is taken, InvalidArgument for one that is none. */
  create(request: NewProject): Promise<KnownProject>;
  /** Says otherwise what a project is. Throws NotFound, FailedPrecondition when it is being deleted. */
  describe(request: OfProject & { readonly description: string }): Promise<KnownProject>;
  /**
   * From now on nothing new is taken for a project, nobody is let in by it, and it goes as fast as its sites let go. Asked
   * again, it changes nothing, unless it is forced: then its sites are not waited for any more. Throws FailedPrecondition for
   * what is forced too soon.
   */
  remove(request: OfProject & { readonly sites: "waited-for" | "passed-over" }): Promise<KnownProject>;
}

/** `project` is a name or a UUID. */
export interface OfProject extends Author {
  readonly project: string;
}

export interface NewProject extends Author {
  readonly name: string;
  /** Id. */
  readonly organisation: string;
  readonly description: string;
}

export interface ProjectsParts {
  readonly store: Store;
  readonly authority: Pick<Authority, "createTenantIn" | "freezeTenantIn">;
  readonly clock: Pick<Clock, "now">;
  /** Told of each project of which something is wanted. */
  readonly onWanted?: (tenant: string) => void;
}

export function createProjects({ store, authority, clock, onWanted }: ProjectsParts): ProjectWrites {
  async function wanted(work: (tx: Transaction) => Promise<string>): Promise<KnownProject> {
    const project = await store.write(async (tx) => existing(tx, await work(tx)));
    onWanted?.(project.id);
    return project;
  }

  async function log(tx: Transaction, by: Author, before: KnownProject, description: string): Promise<void> {
    const subject = { by, at: clock.now(), tenant: before.id, kind: "tenant", id: before.id };
    const change = { before: { description: before.description }, after: { description } };
    await audit(tx, { ...subject, operation: "update", ...change });
  }

  async function describeIn(tx: Transaction, { project, description, ...by }: OfProject & { description: string }) {
    checkDescription(description);
    const before = await existing(tx, project);
    if (before.frozen !== undefined) throw frozenTenant(before);
    if (before.description === description) return before.id;
    await set(tx, before.id, { description });
    await log(tx, by, before, description);
    return before.id;
  }

  return {
    create: ({ name, organisation, description, ...by }) =>
      wanted(async (tx) => {
        checkName("project", name);
        checkDescription(description);
        if (await tx.tenant(name)) throw new Fault("AlreadyExists", `project ${name} already exists`);
        const { id } = await authority.createTenantIn(tx, { ...authorOf(by), name });
        await set(tx, id, { organisation, description });
        return id;
      }),
    describe: (request) => wanted((tx) => describeIn(tx, request)),
    remove: ({ project, sites, ...by }) =>
      wanted(async (tx) => {
        const before = await existing(tx, project);
        if (sites === "passed-over") refuseTooSoon(before, clock.now());
        await authority.freezeTenantIn(tx, { ...authorOf(by), tenant: before.id });
        if (sites === "passed-over" && !before.isForced) {
          await set(tx, before.id, { forced_at: clock.now() });
          const subject = { by, at: clock.now(), tenant: before.id, kind: "tenant", id: before.id };
          await audit(tx, { ...subject, operation: "update", after: { forced: true } });
        }
        return before.id;
      }),
  };
}

async function existing(tx: Transaction, project: string): Promise<KnownProject> {
  const found = await projectIn(tx, project);
  if (!found) throw new Fault("NotFound", "project not found");
  return found;
}

interface Set {
  readonly description?: string;
  readonly organisation?: string;
  readonly forced_at?: number;
}

async function set(tx: Transaction, tenant: string, values: Set): Promise<void> {
  await tx.tables<HubTables>().updateTable("project").set(values).where("tenant", "=", tenant).execute();
}

function refuseTooSoon({ name, deletingSince }: KnownProject, now: number): void {
  if (deletingSince === undefined) {
    throw new Fault("FailedPrecondition", `force: delete project ${name} first, and let its sites let go`);
  }
  const from = deletingSince + FORCED_AFTER;
  if (now >= from) return;
  throw new Fault("FailedPrecondition", `force: the sites of project ${name} are waited for until ${timeOf(from)}`);
}

function checkDescription(description: string): void {
  if (description.length <= LONGEST_DESCRIPTION) return;
  throw new Fault("InvalidArgument", `description: has more than ${LONGEST_DESCRIPTION} characters`);
}

export function timeOf(at: number): string {
  return new Date(at).toISOString();
}
