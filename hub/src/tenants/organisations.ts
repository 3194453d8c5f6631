import { randomUUID } from "node:crypto";
import { type Author, audit, type Store, type Transaction, type View } from "@holdfast/inventory";
import type { Principal } from "@holdfast/inventory/api/principal";
import { may, mayAtHub, mayInOrganisation } from "@holdfast/inventory/api/roles";
import { type Clock, Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import { type KnownProject, projectsIn } from "./book.ts";
import { checkName } from "./names.ts";
import { DEFAULT_ORGANISATION, type OrganisationRow } from "./tables.ts";

/** Organisations: who looks after which projects. */
export interface Organisations {
  /** Those that a principal may see, by name: of the hub, that they look after, and that have a project of theirs. */
  list(view: View, principal: Principal): Promise<readonly OrganisationRow[]>;
  /** By name or UUID. Throws NotFound both when there is none and when the principal may not see it. */
  find(view: View, principal: Principal, organisation: string): Promise<OrganisationRow>;
  /** Makes an organisation, or says otherwise what it is. Throws AlreadyExists when it is there and must not be. */
  put(request: PutOrganisation): Promise<OrganisationRow>;
  /** Throws FailedPrecondition while it has projects. */
  remove(request: { readonly name: string; readonly by: Author }): Promise<void>;
}

export interface PutOrganisation {
  readonly by: Author;
  readonly name: string;
  /** What is not said stays as it is, and is empty of a new one. */
  readonly description?: string | undefined;
  readonly ifExists: "update" | "refuse";
}

export function createOrganisations({ store, clock }: { store: Store; clock: Pick<Clock, "now"> }): Organisations {
  async function tell(tx: Transaction, act: Omit<Parameters<typeof audit>[1], "at" | "kind">): Promise<void> {
    await audit(tx, { at: clock.now(), kind: "organisation", ...act });
  }

  async function seen(view: View, principal: Principal): Promise<readonly OrganisationRow[]> {
    const all = await organisationsIn(view);
    if (mayAtHub(principal, "read-organisations")) return all;
    const projects = await projectsIn(view);
    const isMember = ({ id: organisation }: OrganisationRow) =>
      projects.some((project) => project.organisationId === organisation && isOpen(principal, project));
    return all.filter((each) => mayInOrganisation(principal, "read-projects", each.id) || isMember(each));
  }

  return {
    list: seen,
    async find(view, principal, word) {
      const all = await seen(view, principal);
      const found = all.find(({ id }) => id === word) ?? all.find(({ name }) => name === word);
      if (!found) throw new Fault("NotFound", "org not found");
      return found;
    },
    put: ({ by, name, description: said, ifExists }) =>
      store.write(async (tx) => {
        const known = await organisationNamed(tx, name);
        if (known && ifExists === "refuse") throw new Fault("AlreadyExists", `org ${name} already exists`);
        const description = said ?? known?.description ?? "";
        if (known?.description === description) return known;
        if (known) {
          await tx
            .tables<HubTables>()
            .updateTable("organisation")
            .set({ description })
            .where("id", "=", known.id)
            .execute();
          const change = { before: { description: known.description }, after: { description } };
          await tell(tx, { by, id: known.id, operation: "update", ...change });
          return { ...known, description };
        }
        checkName("org", name);
        const made: OrganisationRow = { id: randomUUID(), name, description, created_at: clock.now() };
        await tx.tables<HubTables>().insertInto("organisation").values(made).execute();
        await tell(tx, { by, id: made.id, operation: "create", after: { name, description } });
        return made;
      }),
    remove: ({ name, by }) =>
      store.write(async (tx) => {
        const known = await organisationNamed(tx, name);
        if (!known) throw new Fault("NotFound", "org not found");
        if (known.name === DEFAULT_ORGANISATION) {
          throw new Fault("FailedPrecondition", `org ${known.name} has what names no other: it stays`);
        }
        const of = (await projectsIn(tx)).filter(({ organisationId }) => organisationId === known.id);
        if (of.length > 0) {
          const names = of.map((project) => project.name).join(", ");
          throw new Fault("FailedPrecondition", `org ${known.name} still has projects: ${names}`);
        }
        await tx.tables<HubTables>().deleteFrom("organisation").where("id", "=", known.id).execute();
        const before = { name: known.name, description: known.description };
        await tell(tx, { by, id: known.id, operation: "delete", before });
      }),
  };
}

/** By name or UUID. */
export async function organisationNamed(tx: Pick<View, "tables">, word: string): Promise<OrganisationRow | undefined> {
  const all = await organisationsIn(tx);
  return all.find(({ id }) => id === word) ?? all.find(({ name }) => name === word);
}

function organisationsIn(view: Pick<View, "tables">): Promise<OrganisationRow[]> {
  return view.tables<HubTables>().selectFrom("organisation").selectAll().orderBy("name").execute();
}

function isOpen(principal: Principal, { id, frozen }: KnownProject): boolean {
  return frozen === undefined && may(principal, "read", id);
}
