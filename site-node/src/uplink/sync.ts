import type { Store } from "@holdfast/inventory";
import { type Clock, closeAll, type Log, messageOf } from "@holdfast/runtime";
import type { Outbox } from "../outbox/outbox.ts";
import type { Follower } from "../replica/follow.ts";
import { startPull } from "../replica/pull.ts";
import type { HubLink } from "./hub-link.ts";
import { type Push, startPush } from "./push.ts";
import { confirmEpoch, knownReplica, openSession } from "./session.ts";

export interface SyncOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly link: HubLink;
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Sync {
  /** See `SiteNode.caughtUp`. */
  caughtUp(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/**
 * Both directions of the link. They start at once when an earlier life of this home has heard from the hub, and with the
 * hub's first word otherwise; the hub is asked who this site is at every start all the same.
 */
export function startSync(options: SyncOptions): Sync {
  const { store, outbox, link, site, clock, log } = options;
  const stopped = new AbortController();
  const parts: { push?: Push; pull?: Follower } = {};
  const up = Promise.withResolvers<{ push: Push; pull: Follower }>();
  up.promise.catch(() => undefined);

  function start(tenant: string): void {
    if (parts.push || stopped.signal.aborted) return;
    const pull = startPull(
      { site, tenant },
      {
        ...{ store, link, clock, log },
        beforeSnapshot: () => confirmEpoch({ store, outbox, link, site, clock, log }, stopped.signal),
        replicaOf: async () => (await knownReplica(store, site)) ?? never(),
      },
    );
    const push = startPush({
      ...{ store, outbox, link, site, tenant, clock, log },
      onReached: () => {
        // The link is back: do not wait for the follower's own pause to end.
        pull.refresh(stopped.signal).catch(() => undefined);
      },
    });
    Object.assign(parts, { push, pull });
    up.resolve({ push, pull });
  }

  async function run(): Promise<void> {
    const known = await knownReplica(store, site);
    if (known) start(known.tenant);
    const opened = await openSession({ store, outbox, link, site, clock, log }, stopped.signal);
    start(opened.tenant);
  }

  const running = run().catch((error) => {
    if (!stopped.signal.aborted) log.error({ error: messageOf(error) }, "the link to the hub could not be set up");
    up.reject(error);
  });
  return {
    caughtUp: async (signal) => {
      const { push, pull } = await up.promise;
      await push.drained(signal);
      await pull.refresh(signal);
    },
    close: async () => {
      stopped.abort(new Error("stopped"));
      await running;
      await closeAll(parts.pull, parts.push);
    },
  };
}

function never(): never {
  throw new Error("the replica belongs to no tenant");
}
