import type { Store, View } from "@holdfast/inventory";
import type { Hold, Holds } from "@holdfast/inventory/api/holds";
import type { HoldBody } from "@holdfast/protocol/feed";
import { type Clock, Fault } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { holdOf } from "../replica/in-place.ts";

/** Why nothing disruptive may be done at the site; undefined when it may, also when an operator here has said so (rule 21). */
export async function standingHold(view: View, site: string): Promise<HoldBody | undefined> {
  const hold = await holdOf(view, site);
  if (!hold) return undefined;
  const released = await siteTables(view)
    .selectFrom("hold_released")
    .select("hold")
    .where("hold", "=", hold.hold)
    .executeTakeFirst();
  return released ? undefined : hold;
}

export interface SiteHoldsParts {
  readonly site: string;
  readonly store: Store;
  readonly outbox: Outbox;
  readonly clock: Pick<Clock, "now">;
  /** Called when what was held may go on. */
  readonly onReleased?: () => void;
}

/** The site's own hold. Released here it is released at once; the hub hears of it with the next batch. */
export class SiteHolds implements Holds {
  readonly #parts: SiteHoldsParts;

  constructor(parts: SiteHoldsParts) {
    this.#parts = parts;
  }

  async list(view: View, tenant: string): Promise<readonly Hold[]> {
    const hold = await standingHold(view, this.#parts.site);
    return hold?.tenant === tenant ? [{ ...hold, siteId: this.#parts.site }] : [];
  }

  async release({ tenant, siteId, actor, token, durable }: Parameters<Holds["release"]>[0]): Promise<void> {
    const { site, store, outbox, clock, onReleased } = this.#parts;
    await store.write(async (tx) => {
      const hold = siteId === site ? await standingHold(tx, site) : undefined;
      if (hold?.tenant !== tenant) throw new Fault("NotFound", `${siteId} has no hold that is known here`);
      const at = clock.now();
      await siteTables(tx).insertInto("hold_released").values({ hold: hold.hold, actor, at }).execute();
      const by = { actor, ...(token === undefined ? {} : { token }) };
      await outbox.add(tx, { type: "hold-released", hold: hold.hold, ...by, at });
    });
    durable?.({ held: "site" });
    onReleased?.();
  }
}
