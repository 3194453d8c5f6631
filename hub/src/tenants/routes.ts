import { FieldFault, type Store } from "@holdfast/inventory";
import { authorFrom } from "@holdfast/inventory/api/asking";
import { componentRef } from "@holdfast/inventory/api/openapi/components";
import { type Principal, principalOf } from "@holdfast/inventory/api/principal";
import { madeMessage, shownProject, shownStanding } from "@holdfast/inventory/api/projects";
import { mayAtHub, mayInOrganisation } from "@holdfast/inventory/api/roles";
import { answers, tenancySpec } from "@holdfast/inventory/api/routes/project-routes";
import { Fault } from "@holdfast/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { checkedBody } from "../checked-body.ts";
import { visibleProject } from "./book.ts";
import type { Organisations } from "./organisations.ts";
import type { ProjectWrites } from "./projects.ts";
import { DEFAULT_ORGANISATION, type OrganisationRow } from "./tables.ts";

export interface TenancyParts {
  readonly store: Pick<Store, "read">;
  readonly projects: ProjectWrites;
  readonly organisations: Organisations;
}

const Spec = Type.Object({ description: Type.Optional(Type.String({ maxLength: 1_024 })) });
const FLAG = { type: "string", enum: ["true", "false"] } as const;
const TEXT = { type: "string" } as const;
const MESSAGE = { type: "object", properties: { message: TEXT }, required: ["message"], additionalProperties: false };
const ORGANISATION = {
  type: "object",
  properties: {
    name: TEXT,
    spec: tenancySpec(),
    status: {
      type: "object",
      properties: { orgStatus: componentRef("TenancyStatus") },
      required: ["orgStatus"],
      additionalProperties: false,
    },
  },
  required: ["name", "spec", "status"],
  additionalProperties: false,
} as const;

interface Described {
  readonly tag: "Projects" | "Organisations";
  readonly operationId: string;
  readonly summary: string;
  readonly query?: object;
  readonly body?: object;
  readonly answer: object;
}

/** These routes look for themselves: who may do what depends on the organisation. */
function route({ tag, query, answer, ...rest }: Described) {
  const asked = query ? { querystring: { type: "object", properties: query } } : {};
  return { config: { needs: "own" } as const, schema: { tags: [tag], ...rest, ...asked, response: answers(answer) } };
}

const IF_EXISTS = { ...FLAG, description: "`false`: refuse to change what is there" };
const PUT_PROJECT = route({
  ...{ tag: "Projects", operationId: "PutProject", summary: "Make a project, or say what it is" },
  query: { org: { ...TEXT, description: "the organisation of a new one" }, update_if_exists: IF_EXISTS },
  ...{ body: Spec, answer: componentRef("Project") },
});
const DELETE_PROJECT = route({
  ...{ tag: "Projects", operationId: "DeleteProject" },
  summary: "Delete a project with all it has; its status says how far that is",
  query: { force: { ...FLAG, description: "`true`: its sites are not waited for any more" } },
  answer: MESSAGE,
});
const LIST_ORGANISATIONS = route({
  ...{ tag: "Organisations", operationId: "ListOrganisations", summary: "The organisations that the caller may see" },
  answer: { type: "array", items: ORGANISATION },
});
const GET_ORGANISATION = route({
  ...{ tag: "Organisations", operationId: "GetOrganisation", summary: "One organisation, by its name or UUID" },
  answer: ORGANISATION,
});
const PUT_ORGANISATION = route({
  ...{ tag: "Organisations", operationId: "PutOrganisation", summary: "Make an organisation, or say what it is" },
  ...{ query: { update_if_exists: IF_EXISTS }, body: Spec, answer: ORGANISATION },
});
const DELETE_ORGANISATION = route({
  ...{ tag: "Organisations", operationId: "DeleteOrganisation", summary: "Delete an organisation without projects" },
  answer: MESSAGE,
});

/** Organisations and projects, as those who look after them make, change and delete them. */
export function tenancyRoutes(app: FastifyInstance, parts: TenancyParts): void {
  projectWriting(app, parts);
  organisationRoutes(app, parts);
}

function projectWriting(app: FastifyInstance, { store, projects, organisations }: TenancyParts): void {
  const seenBy = (principal: Principal, name: string) => store.read((view) => visibleProject(view, principal, name));

  app.put("/v1/projects/:projectName", PUT_PROJECT, async (request) => {
    const principal = principalOf(request);
    const name = nameOf(request, "projectName");
    const { description } = checkedBody(Spec, request.body);
    const known = await seenBy(principal, name);
    if (known) {
      refuseUnless(mayInOrganisation(principal, "change-projects", known.organisationId), "change this project");
      if (flag(request, "update_if_exists") === false) {
        throw new Fault("AlreadyExists", `project ${known.name} already exists`);
      }
      const asked = { ...authorFrom(request), project: known.id, description: description ?? known.description };
      return shownProject(await projects.describe(asked));
    }
    const organisation = await organisationFor(parts(request), principal);
    const made = await projects.create({ ...authorFrom(request), name, organisation, description: description ?? "" });
    return shownProject(made);
  });

  app.delete("/v1/projects/:projectName", DELETE_PROJECT, async (request) => {
    const principal = principalOf(request);
    const known = await seenBy(principal, nameOf(request, "projectName"));
    if (!known) throw new Fault("NotFound", "project not found");
    refuseUnless(mayInOrganisation(principal, "delete-projects", known.organisationId), "delete this project");
    const isForced = flag(request, "force") === true;
    // Whoever may delete a project has it let go; what may be lost by force is for the hub's administrators to say.
    if (isForced) refuseUnless(mayAtHub(principal, "administer"), "pass over sites");
    const sites = isForced ? "passed-over" : "waited-for";
    const { standing } = await projects.remove({ ...authorFrom(request), project: known.id, sites });
    return { message: standing.message };
  });

  function parts(request: FastifyRequest) {
    const { org } = request.query as { readonly org?: unknown };
    return { store, organisations, named: typeof org === "string" && org !== "" ? org : undefined };
  }
}

interface OrganisationSought {
  readonly store: Pick<Store, "read">;
  readonly organisations: Organisations;
  readonly named: string | undefined;
}

/** Id of the organisation into which a new project goes: the one named, the caller's only one, the default one. */
async function organisationFor(sought: OrganisationSought, principal: Principal): Promise<string> {
  const { store, organisations, named } = sought;
  const all = await store.read((view) => organisations.list(view, principal));
  const open = all.filter(({ id }) => mayInOrganisation(principal, "create-projects", id));
  refuseUnless(open.length > 0, "create projects");
  if (named === undefined && open.length === 1 && open[0]) return open[0].id;
  const word = named ?? DEFAULT_ORGANISATION;
  const found = all.find(({ id }) => id === word) ?? all.find(({ name }) => name === word);
  if (!found) throw new FieldFault("InvalidArgument", ["org"], `org: there is no ${word}`);
  refuseUnless(open.includes(found), "create projects");
  return found.id;
}

function organisationRoutes(app: FastifyInstance, { store, organisations }: TenancyParts): void {
  app.get("/v1/orgs", LIST_ORGANISATIONS, async (request) => {
    const found = await store.read((view) => organisations.list(view, principalOf(request)));
    return found.map(shownOrganisation);
  });
  app.get("/v1/orgs/:orgName", GET_ORGANISATION, async (request) => {
    const name = nameOf(request, "orgName");
    return shownOrganisation(await store.read((view) => organisations.find(view, principalOf(request), name)));
  });
  app.put("/v1/orgs/:orgName", PUT_ORGANISATION, async (request) => {
    const principal = principalOf(request);
    const mayCreate = mayAtHub(principal, "create-organisations");
    refuseUnless(mayCreate || mayAtHub(principal, "change-organisations"), "change organisations");
    const name = nameOf(request, "orgName");
    const { description } = checkedBody(Spec, request.body);
    const all = await store.read((view) => organisations.list(view, principal));
    const isThere = all.some((each) => each.id === name || each.name === name);
    refuseUnless(isThere || mayCreate, "create organisations");
    const ifExists = flag(request, "update_if_exists") === false ? "refuse" : "update";
    return shownOrganisation(await organisations.put({ by: authorFrom(request), name, description, ifExists }));
  });
  app.delete("/v1/orgs/:orgName", DELETE_ORGANISATION, async (request) => {
    refuseUnless(mayAtHub(principalOf(request), "delete-organisations"), "delete organisations");
    const name = nameOf(request, "orgName");
    await organisations.remove({ name, by: authorFrom(request) });
    return { message: `Org ${name} is deleted` };
  });
}

function shownOrganisation({ id, name, description, created_at: at }: OrganisationRow): object {
  const standing = { indicator: "STATUS_INDICATION_IDLE", message: madeMessage("Org", name), at: Number(at) } as const;
  return { name, spec: { description }, status: { orgStatus: shownStanding(standing, id) } };
}

function nameOf(request: FastifyRequest, parameter: "projectName" | "orgName"): string {
  return (request.params as Record<typeof parameter, string>)[parameter];
}

/** Throws InvalidArgument for what is neither. */
function flag(request: FastifyRequest, name: string): boolean | undefined {
  const value = (request.query as Readonly<Record<string, unknown>>)[name];
  if (value === undefined) return undefined;
  if (value === "true" || value === "false") return value === "true";
  throw new FieldFault("InvalidArgument", [name], `${name}: must be true or false`);
}

function refuseUnless(allowed: boolean, what: string): void {
  if (!allowed) throw new Fault("PermissionDenied", `this role may not ${what}`);
}
