import type { Store, View } from "@holdfast/inventory";
import type { Hold, Holds } from "@holdfast/inventory/api/holds";
import { type Clock, Fault } from "@holdfast/runtime";
import { siteTables } from "../database/tables.ts";
import { askedFrom, fromIn } from "../intents/asked-from.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { holdOf } from "../replica/in-place.ts";

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
    const hold = await holdOf(view, this.#parts.site);
    return hold?.tenant === tenant ? [{ ...hold, siteId: this.#parts.site }] : [];
  }

  async release({ tenant, siteId, actor, token, durable, ...asked }: Parameters<Holds["release"]>[0]): Promise<void> {
    const { site, store, outbox, clock, onReleased } = this.#parts;
    await store.write(async (tx) => {
      const hold = siteId === site ? await holdOf(tx, site) : undefined;
      if (hold?.tenant !== tenant) throw new Fault("NotFound", `${siteId} has no hold that is known here`);
      const at = clock.now();
      // A later hold has another id: of those before it nothing is asked any more.
      await siteTables(tx).deleteFrom("hold_released").execute();
      await siteTables(tx).insertInto("hold_released").values({ hold: hold.hold, actor, at }).execute();
      const by = { actor, ...(token === undefined ? {} : { token }), ...fromIn(askedFrom(asked)) };
      await outbox.add(tx, { type: "hold-released", hold: hold.hold, ...by, at });
    });
    durable?.({ held: "site" });
    onReleased?.();
  }
}
