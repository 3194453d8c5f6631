import { randomBytes } from "node:crypto";
import {
  type Author,
  type AuthorityListener,
  audit,
  EVERY_TENANT,
  type Store,
  type Transaction,
  type View,
} from "@holdfast/inventory";
import type { Hold, Holds } from "@holdfast/inventory/api/holds";
import { type HoldBody, type HoldReason, ROW, Site, siteScope } from "@holdfast/protocol";
import { type Clock, Fault } from "@holdfast/runtime";
import type { HubTables } from "../tables.ts";
import type { HoldRow } from "./tables.ts";

/** The hub's holds: after a disaster nothing disruptive is done at a site until an operator says so (rule 21). */
export interface HubHolds extends Holds {
  /** Holds one site; a hold that it has already gives way to this one. */
  hold(
    tx: Transaction,
    held: { readonly site: string; readonly tenant: string; readonly reason: HoldReason },
  ): Promise<void>;
  /** Holds every site that there is. */
  holdAll(tx: Transaction, reason: HoldReason): Promise<void>;
  /**
   * An operator at the site has let it go on. False when the hold is not the one that stands: what an operator has not seen
   * they have not released.
   */
  releaseIn(
    tx: Transaction,
    released: { readonly site: string; readonly hold: string; readonly by: Author },
  ): Promise<boolean>;
  /** A hold goes with its site. */
  readonly listener: AuthorityListener;
}

const HUB: Author = { actor: "hub" };

export function createHolds({ store, clock }: { store: Pick<Store, "write">; clock: Pick<Clock, "now"> }): HubHolds {
  async function hold(tx: Transaction, { site, tenant, reason }: Parameters<HubHolds["hold"]>[1]): Promise<void> {
    const row: HoldRow = { site, hold: `hold-${randomBytes(8).toString("hex")}`, tenant, reason, since: clock.now() };
    const { site: _, ...rest } = row;
    await tx
      .tables<HubTables>()
      .insertInto("hub_hold")
      .values(row)
      .onConflict((on) => on.column("site").doUpdateSet(rest))
      .execute();
    await tx.appendFeed(siteScope(site), ROW.hold, site, bodyOf(row));
    await log(tx, row, { by: HUB, operation: "create" });
  }

  /** The history of changes tells who held a site and who let it go on. */
  async function log(
    tx: Transaction,
    { site, ...row }: HoldRow,
    { by, operation }: { by: Author; operation: "create" | "delete" },
  ): Promise<void> {
    const body = bodyOf({ site, ...row });
    const [before, after] = operation === "create" ? [null, body] : [body, null];
    const subject = { tenant: row.tenant, kind: ROW.hold, id: site };
    await audit(tx, { by, at: clock.now(), ...subject, operation, before, after });
  }

  async function end(tx: Transaction, row: HoldRow, by: Author): Promise<void> {
    await tx.tables<HubTables>().deleteFrom("hub_hold").where("site", "=", row.site).execute();
    await tx.appendFeed(siteScope(row.site), ROW.hold, row.site, null);
    await log(tx, row, { by, operation: "delete" });
  }

  return {
    hold,
    async holdAll(tx, reason) {
      const { resources } = await tx.list(Site, { tenant: EVERY_TENANT });
      for (const { resourceId: site, tenant } of resources) await hold(tx, { site, tenant, reason });
    },
    async releaseIn(tx, { site, hold, by }) {
      const row = await holdOf(tx, site);
      if (row?.hold !== hold) return false;
      await end(tx, row, by);
      return true;
    },
    async list(view, tenant) {
      const rows = await view
        .tables<HubTables>()
        .selectFrom("hub_hold")
        .selectAll()
        .where("tenant", "=", tenant)
        .orderBy("site")
        .execute();
      return rows.map((row): Hold => ({ siteId: row.site, ...bodyOf(row) }));
    },
    release: ({ tenant, siteId, ...by }) =>
      store.write(async (tx) => {
        const row = await holdOf(tx, siteId);
        if (row?.tenant !== tenant) throw new Fault("NotFound", `nothing is held at ${siteId}`);
        await end(tx, row, by);
      }),
    listener: {
      async gone(tx, { kind, resource }) {
        if (kind.name !== Site.name) return;
        const row = await holdOf(tx, resource.resourceId);
        if (row) await end(tx, row, HUB);
      },
    },
  };
}

function holdOf(view: Pick<View, "tables">, site: string): Promise<HoldRow | undefined> {
  return view.tables<HubTables>().selectFrom("hub_hold").selectAll().where("site", "=", site).executeTakeFirst();
}

function bodyOf({ tenant, hold, reason, since }: HoldRow): HoldBody {
  return { tenant, hold, reason: reason as HoldReason, since: Number(since) };
}
