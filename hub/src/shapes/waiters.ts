import type { Commit, Store, View } from "@holdfast/inventory";
import { type FeedScope, Site } from "@holdfast/protocol";
import { type Log, messageOf } from "@holdfast/runtime";
import { pageAfter, type Tail } from "./page.ts";
import { type RenderedPage, render } from "./rendered.ts";
import type { Seal } from "./seal.ts";
import { type PageBudget, type ReadTail, readTail } from "./tail.ts";

/** A request that is held open: whose it is, and which token opened it. */
export interface Held {
  /** The life of the hub whose log it follows. */
  readonly epoch: string;
  readonly site: string;
  readonly token: string;
  /** Nothing more will come: let go of the request. */
  end(): void;
}

/** A follower that holds its request open until its scope changes. */
export interface Waiter extends Held {
  readonly scope: FeedScope;
  /** Which revocations were known when its token was last found good. */
  revocations: string;
  /** The number of the last row it has. Moved on by whoever delivers. */
  after: number;
  /** Takes what follows `after`. A waiter that wants one answer only removes itself. */
  deliver(page: RenderedPage): void;
}

/** Which tokens are good: asked in the snapshot of the rows that are about to be handed out. */
export interface TokenWatch {
  /** Changes whenever a token was revoked, by this process or another. */
  revocations(view: View): Promise<string>;
  /** Of these tokens, those that no longer open anything. */
  refused(view: View, tokens: readonly string[]): Promise<ReadonlySet<string>>;
}

export interface Waiters {
  /** Counts a request that has not come to waiting yet as one that its site holds open. Returns how to stop it. */
  hold(held: Held): () => void;
  /** From now on the waiter hears of everything after `after`. Returns how to stop it. */
  add(waiter: Waiter): () => void;
  /** How many requests a site holds open. */
  count(site: string): number;
  /** Lets go of every request that a token opened. */
  endOf(token: string): void;
  /** Another life of the hub has begun: lets go of all that follow the log of an earlier one, and of those that come late. */
  beginEpoch(epoch: string): void;
  /** Lets go of all, and of whatever comes after. */
  close(): void;
}

interface WaitersOptions {
  readonly store: Pick<Store, "read" | "onCommit">;
  readonly tokens: TokenWatch;
  /** What each up-to-date message of a scope carries. */
  readonly sealOf: (scope: FeedScope, epoch: string) => Seal;
  readonly log: Log;
  readonly budget: PageBudget;
  /** How many requests a site may hold open; the oldest is let go for one more, for it may be a dead connection's. */
  readonly perSite: number;
}

/**
 * Followers that wait, by scope. A commit costs one read for each scope that it touched and that somebody waits for,
 * however many wait, and nothing at all for those who wait for other scopes.
 */
export function createWaiters({ store, tokens, sealOf, log, budget, perSite }: WaitersOptions): Waiters {
  const byScope = new Map<FeedScope, Set<Waiter>>();
  const bySite = new Map<string, Set<Held>>();
  /** The highest number seen in a commit: closes the gap between a follower's own read and its waiting. */
  const latest = new Map<FeedScope, number>();
  const waking = new Set<FeedScope>();
  let closed = false;
  /** The life that has begun while this process runs; undefined when none has. */
  let begun: string | undefined;

  const unsubscribe = store.onCommit((commit: Commit) => {
    for (const [scope, head] of commit.scopes) {
      latest.set(scope, head);
      if (byScope.has(scope)) wake(scope);
    }
  });

  function wake(scope: FeedScope): void {
    if (waking.has(scope)) return;
    waking.add(scope);
    void (async () => {
      try {
        while (behind(scope)) await serve(scope);
      } catch (error) {
        log.warn({ scope, error: messageOf(error) }, "reading a feed failed, its followers start again");
        for (const waiter of [...(byScope.get(scope) ?? [])]) dismiss(waiter);
      } finally {
        waking.delete(scope);
      }
    })();
  }

  function behind(scope: FeedScope): boolean {
    const head = latest.get(scope) ?? 0;
    return [...(byScope.get(scope) ?? [])].some((waiter) => waiter.after < head);
  }

  async function serve(scope: FeedScope): Promise<void> {
    const group = [...(byScope.get(scope) ?? [])];
    const after = Math.min(...group.map((waiter) => waiter.after));
    const { tail, refused } = await store.read(async (view) => {
      const tail = await readTail(view, scope, after, budget);
      return { tail, refused: await refusedOf(view, group, tail) };
    });
    // What was read in another life of the hub says nothing of the log that a waiter follows.
    for (const waiter of group) if (refused.has(waiter.token) || waiter.epoch !== tail.epoch) dismiss(waiter);
    deliver(group, tail);
  }

  /** Asked when a token was revoked since, and when these rows say that a waiter's own site is gone. */
  async function refusedOf(view: View, group: readonly Waiter[], { rows }: Tail): Promise<ReadonlySet<string>> {
    const now = await tokens.revocations(view);
    const gone = new Set(rows.filter(({ kind, body }) => kind === Site.name && body === null).map(({ id }) => id));
    const unchecked = group.filter((waiter) => waiter.revocations !== now || gone.has(waiter.site));
    if (unchecked.length === 0) return new Set();
    for (const waiter of unchecked) waiter.revocations = now;
    return tokens.refused(view, [...new Set(unchecked.map((waiter) => waiter.token))]);
  }

  /** Only to those for whom the tail was read: who came meanwhile has the next read. */
  function deliver(group: readonly Waiter[], tail: ReadTail): void {
    const pages = new Map<number, RenderedPage | undefined>();
    for (const waiter of group) {
      if (!byScope.get(waiter.scope)?.has(waiter)) continue;
      const { after, scope } = waiter;
      if (!pages.has(after)) {
        const rows = tail.rows.filter((row) => row.seq > after);
        const page = pageAfter(scope, { seq: after, read: 0 }, { ...tail, rows });
        pages.set(after, page && render(page, sealOf(scope, tail.epoch)));
      }
      const page = pages.get(after);
      if (!page) dismiss(waiter);
      else if (page.next.seq > after) {
        waiter.after = page.next.seq;
        waiter.deliver(page);
      }
    }
  }

  function dismiss(held: Held): void {
    remove(held);
    held.end();
  }

  function remove(held: Held): void {
    removeFrom(bySite, held.site, held);
    if (isWaiter(held)) removeFrom(byScope, held.scope, held);
  }

  function hold(held: Held): () => void {
    const others = bySite.get(held.site);
    const oldest = others && others.size >= perSite ? others.values().next().value : undefined;
    if (oldest) dismiss(oldest);
    addTo(bySite, held.site, held);
    // A request may come to waiting after the hub began to close, or to live anew: nobody would let go of it any more.
    if (closed || (begun !== undefined && held.epoch !== begun)) dismiss(held);
    return () => remove(held);
  }

  return {
    hold,
    add(waiter) {
      addTo(byScope, waiter.scope, waiter);
      const stop = hold(waiter);
      if ((latest.get(waiter.scope) ?? 0) > waiter.after) wake(waiter.scope);
      return stop;
    },
    count: (site) => bySite.get(site)?.size ?? 0,
    endOf(token) {
      for (const group of [...bySite.values()]) {
        for (const held of [...group]) if (held.token === token) dismiss(held);
      }
    },
    beginEpoch(epoch) {
      begun = epoch;
      for (const group of [...bySite.values()]) {
        for (const held of [...group]) if (held.epoch !== epoch) dismiss(held);
      }
    },
    close() {
      closed = true;
      unsubscribe();
      for (const group of [...bySite.values()]) for (const held of [...group]) dismiss(held);
    },
  };
}

function isWaiter(held: Held): held is Waiter {
  return "scope" in held;
}

function addTo<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const group = index.get(key) ?? new Set();
  group.add(value);
  index.set(key, group);
}

function removeFrom<K, V>(index: Map<K, Set<V>>, key: K, value: V): void {
  const group = index.get(key);
  group?.delete(value);
  if (group?.size === 0) index.delete(key);
}
