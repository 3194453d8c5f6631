import { type Authority, EVERY_TENANT, type Store } from "@holdfast/inventory";
import { Site, tenantScope, type Witness } from "@holdfast/protocol";
import type { HubTables } from "./tables.ts";
import type { CallingSite, Uplink } from "./uplink/uplink.ts";

/** Removes what is retired once every site that might refer to it has heard so (rule 12). */
export interface Retirement {
  /** The same uplink, which says on the way how far each site has followed its tenant's feed. */
  noting(uplink: Uplink): Uplink;
  /**
   * To be done now and then. What a site made before it heard may still be on its way: it has from one time to the next to
   * send that. Returns how many were removed.
   */
  purge(): Promise<number>;
}

interface RetirementParts {
  readonly store: Store;
  readonly authority: Pick<Authority, "epoch" | "purgeRetired">;
}

/** Positions are kept in memory: after a restart nothing is removed before each site has been heard again. */
export function createRetirement({ store, authority }: RetirementParts): Retirement {
  let epoch = authority.epoch();
  const heard = new Map<string, number>();
  let before: ReadonlyMap<string, number> = new Map();

  function note({ site, tenant }: CallingSite, witness: Witness | undefined): void {
    if (!witness || witness.epoch !== authority.epoch()) return;
    startAnew();
    const seq = witness.feed.find(({ scope }) => scope === tenantScope(tenant))?.seq;
    if (seq !== undefined) heard.set(site, seq);
  }

  /** In another life of the hub every site follows anew. */
  function startAnew(): void {
    if (epoch === authority.epoch()) return;
    epoch = authority.epoch();
    heard.clear();
    before = new Map();
  }

  return {
    noting: (uplink) => ({
      async take(site, batch) {
        const taken = await uplink.take(site, batch);
        if (taken.reply) note(site, batch.witness);
        return taken;
      },
      async contact(site, contact) {
        const taken = await uplink.contact(site, contact);
        if (taken.reply) note(site, contact.witness);
        return taken;
      },
    }),
    async purge() {
      startAnew();
      const upTo = await store.read(async (view) => {
        const streams = await view.tables<HubTables>().selectFrom("uplink_stream").select("site").execute();
        const spoken = new Set(streams.map(({ site }) => site));
        const positions = new Map((await view.tenants()).map(({ id }) => [id, Number.MAX_SAFE_INTEGER]));
        for (const { tenant, resourceId } of await view.find(Site, {}, EVERY_TENANT)) {
          if (!spoken.has(resourceId)) continue;
          positions.set(tenant, Math.min(positions.get(tenant) ?? 0, before.get(resourceId) ?? 0));
        }
        return positions;
      });
      before = new Map(heard);
      return authority.purgeRetired(upTo);
    },
  };
}
