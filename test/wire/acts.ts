import { beginNewEpoch } from "@holdfast/hub/disaster/new-epoch";
import { type FeedScope, siteScope, tenantScope } from "@holdfast/protocol";
import type { Snapshot } from "../world/hub.ts";
import type { Json } from "../world/request.ts";
import type { World } from "../world/world.ts";

/** What is done at the hub between requests of its site; each does the same when it is recorded and when it is replayed. */
export type Act =
  | { readonly do: "ask"; readonly method: string; readonly path: string; readonly body?: Json }
  /** A token for another operator. */
  | { readonly do: "operator"; readonly name: string }
  /** All that is on the hub's disk is copied. */
  | { readonly do: "snapshot" }
  /** The copy is put back, and the hub is told that it has lost history. */
  | { readonly do: "new-epoch" };

/** A row of the hub's feed that a site may read. */
export interface FeedRow {
  readonly kind: string;
  readonly id: string;
  readonly body: Json;
}

/** An act with what came of it, as it was recorded. */
export type RecordedAct = Act & {
  /** How many requests had been recorded before it. */
  readonly before: number;
  readonly answer?: Json;
  /** What the feed of the site held then that it had not held after the act before. */
  readonly rows?: readonly FeedRow[];
};

/** Does what operators of a hub do. */
export class Acting {
  readonly #world: World;
  #snapshot: Snapshot | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  async do(act: Act): Promise<Json> {
    const { hub, clock } = this.#world;
    switch (act.do) {
      case "ask":
        return hub.ask(act.method, act.path, act.body);
      case "operator":
        return hub.operator(act.name);
      case "snapshot":
        this.#snapshot = await hub.snapshot();
        return {};
      case "new-epoch":
        if (!this.#snapshot) throw new Error("there is no snapshot to put back");
        await hub.rollBackTo(this.#snapshot);
        await hub.stop();
        await beginNewEpoch({ home: hub.home, clock });
        await hub.start();
        return { epoch: hub.running.authority.epoch() };
    }
  }
}

/** What a site may read in its feed now. */
export async function rowsFor(world: World, { site, tenant }: { site: string; tenant: string }): Promise<FeedRow[]> {
  const scopes: FeedScope[] = [tenantScope(tenant), siteScope(site)];
  const found = await world.hub.running.store.read((view) =>
    Promise.all(scopes.map((scope) => view.feed(scope, 0, 10_000))),
  );
  return found.flatMap(({ rows }) =>
    rows.flatMap(({ kind, id, body }) => (body === null ? [] : [{ kind, id, body: JSON.parse(body) as Json }])),
  );
}
