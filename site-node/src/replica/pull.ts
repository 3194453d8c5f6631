import type { Store } from "@holdfast/inventory";
import { siteScope, tenantScope } from "@holdfast/protocol/feed";
import { type Clock, closeAll, type Log } from "@holdfast/runtime";
import { count } from "../database/counters.ts";
import { siteTables } from "../database/tables.ts";
import type { HubLink } from "../uplink/hub-link.ts";
import { applyBatch, type FeedBatch } from "./apply.ts";
import { type Follower, follow } from "./follow.ts";
import type { ReplicaOf } from "./materialise.ts";

export interface PullOptions {
  readonly store: Store;
  readonly link: HubLink;
  /** Asked before a whole slice replaces what the site has; when it throws, the slice is fetched anew later. */
  readonly beforeSnapshot: () => Promise<void>;
  /** Asked anew for each batch: the hub's life may have changed since. */
  readonly replicaOf: () => Promise<ReplicaOf>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps the replica at the hub's word: the scope of the site's tenant and the site's own. */
export function startPull(of: { site: string; tenant: string }, options: PullOptions): Follower {
  const { store, link, beforeSnapshot, replicaOf, clock, log } = options;
  const tenant = tenantScope(of.tenant);
  // What the site's rows refer to is in the tenant's scope: before it is here, each would be tried, parked, tried again.
  const tenantHeld = Promise.withResolvers<void>();
  tenantHeld.promise.catch(() => undefined);
  const followers = [tenant, siteScope(of.site)].map((scope) =>
    follow({
      scope,
      hubUrl: link.hubUrl,
      headers: () => link.headers(),
      fetch: link.fetch,
      clock,
      log,
      position: async () => {
        const stored = await storedPosition(store, scope);
        if (scope === tenant && stored) tenantHeld.resolve();
        else if (scope !== tenant) await tenantHeld.promise;
        return stored;
      },
      apply: async (batch, malformed) => {
        if (batch.snapshot) await beforeSnapshot();
        const replica = await replicaOf();
        await store.write(async (transaction) => {
          await applyBatch(transaction, replica, batch, clock.now());
          if (malformed.length > 0) await count(transaction, "feed-rows-malformed", malformed.length);
        });
        if (scope === tenant) tenantHeld.resolve();
        report(log, batch, malformed);
      },
    }),
  );
  return {
    refresh: async (signal) => {
      await Promise.all(followers.map((follower) => follower.refresh(signal)));
    },
    close: () => {
      tenantHeld.reject(new Error("stopped"));
      return closeAll(...followers);
    },
  };
}

async function storedPosition(store: Store, scope: string) {
  return store.read((view) =>
    siteTables(view)
      .selectFrom("replica_position")
      .select(["handle", "position"])
      .where("scope", "=", scope)
      .where("position", "!=", "-1")
      .executeTakeFirst(),
  );
}

function report(log: Log, { scope, position, snapshot, changes }: FeedBatch, malformed: readonly string[]): void {
  // Rows that cannot be read are passed over: stopping at one would cut the site off from all that comes after it.
  if (malformed.length > 0)
    log.error({ scope, malformed: malformed.slice(0, 10) }, "the hub's feed held unreadable rows");
  if (snapshot) log.info({ scope, position, rows: changes.length }, "the replica holds the whole scope");
  else if (changes.length > 0) log.debug({ scope, position, rows: changes.length }, "the replica moved on");
}
