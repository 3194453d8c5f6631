import type { Store } from "@holdfast/inventory";
import { siteScope, tenantScope } from "@holdfast/protocol/feed";
import { type Clock, closeAll, Fault, type Log } from "@holdfast/runtime";
import { count } from "../database/counters.ts";
import { siteTables } from "../database/tables.ts";
import type { HubLink } from "../uplink/hub-link.ts";
import type { FeedBatch } from "./apply.ts";
import { type Follower, follow } from "./follow.ts";
import type { ReplicaOf } from "./materialise.ts";
import { listening, readPhase } from "./phase.ts";
import { takeBatch } from "./take.ts";

export interface PullOptions {
  readonly store: Store;
  readonly link: HubLink;
  /** Asked before a whole slice replaces what the site has; when it throws, the slice is fetched anew later. */
  readonly beforeSnapshot: () => Promise<void>;
  /** Asked anew for each batch: the hub's life may have changed since. */
  readonly replicaOf: () => Promise<ReplicaOf>;
  /** Called after each batch that was applied. */
  readonly onApplied?: (applied: AppliedBatch) => void;
  /** The hub answered with less than the replica has: it may not know that it lost something. */
  readonly onBehind?: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** What a batch brought, once it is durable. */
export interface AppliedBatch {
  /** Of the rows that came or went. */
  readonly kinds: ReadonlySet<string>;
  /** By what machines are known has changed. */
  readonly credentials: boolean;
  /** The site may act again: what it shows is as new as its hub. */
  readonly settled: boolean;
}

/** Keeps the replica at the hub's word: the scope of the site's tenant and the site's own. */
export function startPull(of: { site: string; tenant: string }, options: PullOptions): Follower {
  const { store, link, clock, log } = options;
  const tenant = tenantScope(of.tenant);
  // What the site's rows refer to is in the tenant's scope: before it is here, each would be tried, parked, tried again.
  const tenantHeld = Promise.withResolvers<void>();
  tenantHeld.promise.catch(() => undefined);
  const ear = new Ear(store);
  const followers = [tenant, siteScope(of.site)].map((scope) => {
    let asked = 0;
    return follow({
      scope,
      hubUrl: link.hubUrl,
      headers: () => link.headers(),
      fetch: link.fetch,
      clock,
      log,
      position: async () => {
        if (scope !== tenant) await tenantHeld.promise;
        asked = await ear.open();
        const stored = await storedPosition(store, scope);
        if (scope === tenant && stored) tenantHeld.resolve();
        return stored;
      },
      apply: async (batch, malformed) => {
        await take(options, { batch, malformed, asked });
        if (scope === tenant) tenantHeld.resolve();
      },
    });
  });
  return {
    refresh: async (signal) => {
      await Promise.all(followers.map((follower) => follower.refresh(signal)));
    },
    hurry: () => {
      for (const follower of followers) follower.hurry();
    },
    restart: () => {
      ear.ring();
      for (const follower of followers) follower.restart();
    },
    close: () => {
      tenantHeld.reject(new Error("stopped"));
      ear.close();
      return closeAll(...followers);
    },
  };
}

/** Stores what may be applied. Throws when it may not, so that the scope is followed again from the stored position. */
async function take(
  { store, beforeSnapshot, replicaOf, onApplied, onBehind, clock, log }: PullOptions,
  answer: { readonly batch: FeedBatch; readonly malformed: readonly string[]; readonly asked: number },
): Promise<void> {
  const { batch, malformed, asked } = answer;
  if (batch.snapshot) await beforeSnapshot();
  const replica = await replicaOf();
  const taken = await store.write(async (transaction) => {
    if (malformed.length > 0) await count(transaction, "feed-rows-malformed", malformed.length);
    return takeBatch(transaction, replica, { batch, asked, now: clock.now() });
  });
  if (taken.is === "refused") {
    const { scope, position, snapshot } = batch;
    if (taken.why === "behind") {
      log.error(
        { scope, position, snapshot },
        "the hub's answer is older than what this site has, keeping what it has",
      );
      onBehind?.();
    }
    throw new Fault("Aborted", `the answer is not taken: ${taken.why}`);
  }
  const { credentials, settled } = taken;
  if (settled) log.info("the site is at the hub's newest word, and acts on it");
  report(log, batch, malformed);
  onApplied?.({ kinds: new Set(batch.changes.map(({ kind }) => kind)), credentials, settled });
}

/** Closed while the hub has yet to hear what this site holds (rule 20). */
class Ear {
  readonly #store: Store;
  readonly #bells = new Set<() => void>();
  #isClosed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Waits until the site may listen. Returns under which number it then asks. */
  async open(): Promise<number> {
    for (;;) {
      if (this.#isClosed) throw new Error("stopped");
      const rung = new Promise<void>((resolve) => this.#bells.add(resolve));
      const { phase, number } = await this.#store.read(async (view) => {
        return { phase: await readPhase(view), number: await listening(view) };
      });
      if (phase.is !== "recovering") return number;
      await rung;
    }
  }

  ring(): void {
    for (const bell of this.#bells) bell();
    this.#bells.clear();
  }

  close(): void {
    this.#isClosed = true;
    this.ring();
  }
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
