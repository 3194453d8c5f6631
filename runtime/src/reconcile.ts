import { fullJitter } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { messageOf } from "./errors.ts";
import type { Log } from "./log.ts";

/** What a run found: nothing to do until something changes, or look again after so many milliseconds. */
export type Verdict = { readonly checkAfter?: number };

export const settled: Verdict = {};

export function checkAfter(milliseconds: number): Verdict {
  return { checkAfter: milliseconds };
}

/**
 * Brings one resource towards what it should be. It is handed an id, reads the resource afresh, and may be run at any
 * time and any number of times; throwing means: try again later.
 */
export interface Reconciler {
  readonly name: string;
  /** Every id that may need work; asked at the start and at each resynchronisation. */
  list(): Promise<readonly string[]>;
  reconcile(id: string, signal: AbortSignal): Promise<Verdict>;
}

export interface ReconcileLoop {
  /** Something about this id has changed. Cheap; may be called from anywhere, any number of times. */
  wake(id: string): void;
  /** Resolves when nothing is due or running. For tests. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** What runs wait for may be there already: any number of them, one after another, would leave nobody else a turn. */
const RUNS_A_TURN = 64;

export interface ReconcileOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds between two looks at everything, whether or not something woke it. */
  readonly resyncEvery: number;
  readonly concurrency?: number;
}

/** Runs a reconciler: one run per id at a time, woken by change and by a slow timer, backing off where it throws. */
export function startReconciler(reconciler: Reconciler, options: ReconcileOptions): ReconcileLoop {
  const { clock, log, resyncEvery, concurrency = 16 } = options;
  const stopped = new AbortController();
  const due = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const failures = new Map<string, number>();
  /** What ends the wait for the next look at an id. */
  const waiting = new Map<string, AbortController>();
  let quiet: (() => void)[] = [];
  let begun = 0;

  function start(): void {
    for (const id of due) {
      if (running.size >= concurrency || begun >= RUNS_A_TURN) return;
      if (running.has(id)) continue;
      due.delete(id);
      if (begun === 0) setImmediate(nextTurn);
      begun += 1;
      running.set(id, run(id));
    }
    if (due.size === 0 && running.size === 0) {
      const told = quiet;
      quiet = [];
      for (const resolve of told) resolve();
    }
  }

  function nextTurn(): void {
    begun = 0;
    if (!stopped.signal.aborted) start();
  }

  async function run(id: string): Promise<void> {
    // What it waited for is decided anew: else each wake would add one more that wakes it for ever.
    waiting.get(id)?.abort(new Error("looked at"));
    waiting.delete(id);
    // A turn later, so that a burst of wakes is one run.
    await null;
    try {
      const verdict = await reconciler.reconcile(id, stopped.signal);
      failures.delete(id);
      if (verdict.checkAfter !== undefined) wakeLater(id, verdict.checkAfter);
    } catch (error) {
      if (!stopped.signal.aborted) {
        const failed = (failures.get(id) ?? 0) + 1;
        failures.set(id, failed);
        log.warn({ reconciler: reconciler.name, id, failed, error: messageOf(error) }, "reconcile failed, will retry");
        wakeLater(id, fullJitter(failed, { first: 1_000, most: 60_000 }));
      }
    } finally {
      running.delete(id);
      if (!stopped.signal.aborted) start();
    }
  }

  function wake(id: string): void {
    if (stopped.signal.aborted) return;
    due.add(id);
    start();
  }

  function wakeLater(id: string, after: number): void {
    const over = new AbortController();
    waiting.set(id, over);
    clock.sleep(after, over.signal).then(
      () => wake(id),
      () => undefined,
    );
  }

  async function resync(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        for (const id of await reconciler.list()) wake(id);
      } catch (error) {
        log.warn({ reconciler: reconciler.name, error: messageOf(error) }, "listing failed, will retry");
      }
      await clock.sleep(resyncEvery, stopped.signal).catch(() => undefined);
    }
  }

  const resyncing = resync();
  return {
    wake,
    idle: () =>
      new Promise((resolve) => {
        quiet.push(resolve);
        start();
      }),
    close: async () => {
      stopped.abort(new Error("stopped"));
      await resyncing;
      await Promise.allSettled(running.values());
      for (const over of waiting.values()) over.abort(stopped.signal.reason);
    },
  };
}
