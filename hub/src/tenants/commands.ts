import { Fault, systemClock } from "@holdfast/runtime";
import { Type } from "typebox";
import { type Command, databaseCommand, type OpenDatabase } from "../command.ts";
import { AdminConfig } from "../config.ts";
import { localOperator } from "../local-operator.ts";
import { projectIn, projectsIn } from "./book.ts";
import { TENANCY_NAME } from "./names.ts";
import { createOrganisations, organisationNamed } from "./organisations.ts";
import { createProjects } from "./projects.ts";
import { DEFAULT_ORGANISATION } from "./tables.ts";

const { home } = AdminConfig.properties;
const named = (what: string) => Type.String({ minLength: 1, description: `name of the ${what}`, placeholder: "NAME" });
const Named = Type.Object({ home, name: named("project, or its UUID") });
const Deleted = Type.Object({
  ...Named.properties,
  force: Type.Boolean({ default: false, description: "its sites are not waited for any more" }),
});
const description = Type.Optional(
  Type.String({ maxLength: 1_024, description: "what it is, in a few words", placeholder: "TEXT" }),
);
const Organisation = Type.Object({ home, name: named("organisation") });
const NewOrganisation = Type.Object({ ...Organisation.properties, description });
const NewProject = Type.Object({
  home,
  name: Type.String({
    pattern: TENANCY_NAME,
    expects: "a name of at most 63 small letters, digits and dashes within",
    description: "the project's name",
    placeholder: "PROJECT",
  }),
  org: Type.String({
    default: DEFAULT_ORGANISATION,
    description: "the organisation that looks after it, by name or UUID",
    placeholder: "NAME",
  }),
  description,
});

/** What operators do with projects and organisations on the hub's machine; a hub that runs carries it out. */
export const TENANCY_COMMANDS: Readonly<Record<string, Command>> = {
  "project create": databaseCommand(
    { purpose: "Makes a project.", schema: NewProject },
    async ({ name, org, description = "" }, { store, authority }) => {
      const organisation = await store.read((view) => organisationNamed(view, org));
      if (!organisation) throw new Fault("NotFound", `--org: no organisation is called ${org}`);
      if (await store.read((view) => view.tenant(name))) {
        throw new Fault("AlreadyExists", `--name: there is a project ${name} already`);
      }
      const projects = createProjects({ store, authority, clock: systemClock });
      const { id } = await projects.create({ ...localOperator(), name, description, organisation: organisation.id });
      return `${name} ${id}`;
    },
  ),
  "project list": databaseCommand({ purpose: "Lists the projects.", schema: AdminConfig }, async (_, { store }) => {
    const all = await store.read(projectsIn);
    return all.map(({ name, id }) => `${name} ${id}`).join("\n");
  }),
  "project show": databaseCommand(
    { purpose: "Says how a project fares.", schema: Named, operands: ["name"] },
    ({ name }, { store }) => store.read((view) => shown(view, name)),
  ),
  "project delete": databaseCommand(
    { purpose: "Deletes a project with all it has, as its sites let go.", schema: Deleted, operands: ["name"] },
    async ({ name: project, force }, { store, authority }) => {
      const projects = createProjects({ store, authority, clock: systemClock });
      const sites = force ? "passed-over" : "waited-for";
      return (await projects.remove({ ...localOperator(), project, sites })).standing.message;
    },
  ),
  "org create": databaseCommand(
    { purpose: "Makes an organisation.", schema: NewOrganisation, operands: ["name"] },
    async ({ name, description }, database) => {
      const asked = { name, description, ifExists: "refuse", by: localOperator() } as const;
      const { id } = await organisations(database).put(asked);
      return `${name} ${id}`;
    },
  ),
  "org list": databaseCommand({ purpose: "Lists the organisations.", schema: AdminConfig }, async (_, database) => {
    const administrator = { ...localOperator(), grants: [{ role: "hub-admin" as const }] };
    const all = await database.store.read((view) => organisations(database).list(view, administrator));
    return all.map(({ name, id }) => `${name} ${id}`).join("\n");
  }),
  "org delete": databaseCommand(
    { purpose: "Deletes an organisation without projects.", schema: Organisation, operands: ["name"] },
    async ({ name }, database) => {
      if (!(await database.store.read((view) => organisationNamed(view, name)))) {
        throw new Fault("NotFound", `no organisation is called ${name}`);
      }
      await organisations(database).remove({ name, by: localOperator() });
      return `${name} deleted`;
    },
  ),
};

function organisations({ store }: Pick<OpenDatabase, "store">) {
  return createOrganisations({ store, clock: systemClock });
}

async function shown(view: Parameters<typeof projectIn>[0], name: string): Promise<string> {
  const found = await projectIn(view, name);
  if (!found) throw new Fault("NotFound", `no project is called ${name}`);
  const { id, organisation, description, state, standing } = found;
  const said = description === "" ? [] : [description];
  return [`${found.name} ${id}`, ...said, `organisation ${organisation}`, state, standing.message].join("\n");
}
