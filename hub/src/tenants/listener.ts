import type { AuthorityListener, Transaction } from "@holdfast/inventory";
import { type Clock, Fault } from "@holdfast/runtime";
import { recoveringSince } from "../disaster/claims.ts";
import type { HubTables } from "../tables.ts";
import { forgetTenant } from "./forget-tenant.ts";
import { organisationNamed } from "./organisations.ts";
import { DEFAULT_ORGANISATION, type ProjectRow } from "./tables.ts";

/**
 * Whatever makes a tenant makes a project that the controller brings to be, and whatever freezes one has it deleted. A project
 * that is gone never comes back: its UUID is refused for ever.
 */
export function projectListener({ clock }: { clock: Pick<Clock, "now"> }): AuthorityListener {
  return {
    async tenantMade(tx, { id: tenant, name }) {
      const tables = tx.tables<HubTables>();
      const known = await tables.selectFrom("project").select("name").where("tenant", "=", tenant).executeTakeFirst();
      if (known) {
        throw new Fault("FailedPrecondition", `${tenant} was the project ${known.name}, which is deleted: it stays so`);
      }
      const organisation = await organisationNamed(tx, DEFAULT_ORGANISATION);
      if (!organisation) throw new TypeError("there is no default organisation");
      // What a project had comes back from its sites: nothing is made that would clash with it.
      const isRecovered = (await recoveringSince(tx)) !== undefined;
      const now = clock.now();
      const state = isRecovered ? "active" : "creating";
      const row: ProjectRow = {
        ...{ tenant, name, organisation: organisation.id, description: "", state, message: "" },
        ...{ indicator: isRecovered ? "STATUS_INDICATION_IDLE" : "STATUS_INDICATION_IN_PROGRESS", since: now },
        ...{ created_at: now, deleting_since: null, forced_at: null },
      };
      await tables.insertInto("project").values(row).execute();
      if (!isRecovered) await standAs(tx, tenant, { state, now, message: `Project ${name} CREATE is in progress` });
    },
    async tenantFrozen(tx, { id, name }) {
      const now = clock.now();
      const message = `Project ${name} DELETE is in progress`;
      await standAs(tx, id, { state: "deleting", now, message, deleting_since: now });
    },
    async tenantGone(tx, { id, name }) {
      await forgetTenant(tx, id);
      await standAs(tx, id, { state: "deleted", now: clock.now(), message: `Project ${name} is deleted` });
    },
  };
}

export interface NewStanding extends Pick<ProjectRow, "state" | "message"> {
  readonly now: number;
  readonly indicator?: string;
  readonly deleting_since?: number;
}

const INDICATORS: Readonly<Record<ProjectRow["state"], string>> = {
  creating: "STATUS_INDICATION_IN_PROGRESS",
  active: "STATUS_INDICATION_IDLE",
  deleting: "STATUS_INDICATION_IN_PROGRESS",
  deleted: "STATUS_INDICATION_IDLE",
};

/** Says how a project fares; since when it does changes only with what is said. Returns whether that changed. */
export async function standAs(tx: Transaction, tenant: string, standing: NewStanding): Promise<boolean> {
  const { now, indicator = INDICATORS[standing.state], ...said } = standing;
  const { numUpdatedRows } = await tx
    .tables<HubTables>()
    .updateTable("project")
    .set({ ...said, indicator, since: now })
    .where("tenant", "=", tenant)
    .where((where) =>
      where.or([
        where("state", "!=", said.state),
        where("message", "!=", said.message),
        where("indicator", "!=", indicator),
      ]),
    )
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
