import { type Message, type Offset, ShapeStream } from "@electric-sql/client";
import { FEED_TABLE } from "@holdfast/protocol/feed";
import { type Clock, fullJitter, type Log, messageOf } from "@holdfast/runtime";
import type { FeedBatch, FeedChange, FeedReceipt } from "./apply.ts";
import { lowerPosition, readMessage } from "./messages.ts";

export interface FollowOptions {
  readonly scope: string;
  readonly hubUrl: string;
  readonly headers: () => Record<string, string>;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly log: Log;
  /** Where an earlier life got to; undefined for the beginning. */
  readonly position: () => Promise<{ readonly handle: string; readonly position: string } | undefined>;
  /** Applies a batch durably. When it throws, the scope is followed anew from the stored position. */
  readonly apply: (batch: FeedBatch, malformed: readonly string[]) => Promise<void>;
}

export interface Follower {
  /** Resolves when the site has all that the hub's feed of this scope held when it was called. */
  refresh(signal?: AbortSignal): Promise<void>;
  /** Asks again now instead of when its pause is over. */
  hurry(): void;
  /** What is on its way is not listened to any more; the scope is followed again from the stored position. */
  restart(): void;
  close(): Promise<void>;
}

/**
 * Follows one scope of the hub's feed, for ever: through cuts, refusals and refetches. Where it breaks off it begins
 * again at the position that was stored with the last applied batch.
 */
export function follow(options: FollowOptions): Follower {
  const { clock, log, scope } = options;
  const stopped = new AbortController();
  let stream: ShapeStream | undefined;
  let restarting = new AbortController();
  let applied = 0;
  /** The batch that is being stored. */
  let storing: Promise<void> | undefined;
  const waiting = new Set<() => void>();

  async function run(): Promise<void> {
    for (let failures = 0; !stopped.signal.aborted; failures += 1) {
      const before = applied;
      const restarted = restarting.signal;
      try {
        await runOnce(restarted);
      } catch (error) {
        if (stopped.signal.aborted) return;
        log.warn({ scope, error: messageOf(error) }, "following the hub's feed broke off, will begin again");
      }
      if (applied > before) failures = 0;
      const wait = fullJitter(failures, { first: 500, most: 30_000 });
      await clock.sleep(wait, AbortSignal.any([stopped.signal, restarted])).catch(() => undefined);
      if (restarted.aborted) failures = -1;
    }
  }

  async function runOnce(restarted: AbortSignal): Promise<void> {
    const start = await options.position();
    const ended = new AbortController();
    const signal = AbortSignal.any([stopped.signal, restarted, ended.signal]);
    try {
      await new Promise<void>((resolve, reject) => {
        if (signal.aborted) return resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
        const batches = new Batches(scope, start?.handle);
        stream = new ShapeStream({ ...streamOptions(options, start), signal });
        const current = stream;
        current.subscribe(
          async (messages) => {
            try {
              for (const { batch, malformed } of batches.take(messages, current)) {
                if (signal.aborted) return;
                storing = store(batch, malformed);
                await storing;
              }
            } catch (error) {
              // At once, for the client hands over the next messages without asking: they would skip what failed.
              reject(error);
              ended.abort(error);
            }
          },
          (error) => reject(error),
        );
      });
    } finally {
      stream = undefined;
      ended.abort(new Error("following begins again"));
      // Stored after what the next stream brings, it would put the replica back, and nobody would fetch that again.
      await storing?.catch(() => undefined);
    }
  }

  async function store(batch: FeedBatch, malformed: readonly string[]): Promise<void> {
    try {
      await options.apply(batch, malformed);
      applied += 1;
    } finally {
      storing = undefined;
      for (const wake of waiting) wake();
    }
  }

  function hurry(): void {
    stream?.forceDisconnectAndRefresh().catch(() => undefined);
  }

  async function refresh(signal?: AbortSignal): Promise<void> {
    // The batch that is being stored right now may be older than the call; the one after a fresh request is not.
    const enough = applied + (storing === undefined ? 1 : 2);
    while (applied < enough) {
      signal?.throwIfAborted();
      stopped.signal.throwIfAborted();
      hurry();
      await new Promise<void>((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        clock.sleep(1_000, stopped.signal).then(wake, wake);
      });
    }
  }

  const running = run();
  return {
    refresh,
    hurry,
    restart: () => {
      const before = restarting;
      restarting = new AbortController();
      before.abort(new Error("following begins again"));
    },
    close: async () => {
      stopped.abort(new Error("stopped"));
      await running;
    },
  };
}

function streamOptions(
  options: FollowOptions,
  start: { readonly handle: string; readonly position: string } | undefined,
) {
  const text = (value: string) => value;
  return {
    url: new URL("v1/shape", `${options.hubUrl.replace(/\/+$/, "")}/`).href,
    params: { table: FEED_TABLE, where: "scope = $1", params: [options.scope] },
    headers: options.headers(),
    fetchClient: options.fetch,
    liveSse: true,
    backoffOptions: { initialDelay: 250, maxDelay: 15_000, multiplier: 2 },
    // Bodies stay text, to be stored as they came; numbers are ours to check.
    parser: { json: text, jsonb: text, int8: text },
    ...(start ? { handle: start.handle, offset: start.position as Offset } : {}),
  };
}

/**
 * Gathers messages into batches that end at up-to-date. Handle and position belong to the messages, not to where the
 * client is by the time it hands them over: it reads ahead.
 */
class Batches {
  readonly #scope: string;
  #handle: string | undefined;
  #snapshot: boolean;
  #changes: FeedChange[] = [];
  #malformed: string[] = [];

  constructor(scope: string, handle: string | undefined) {
    this.#scope = scope;
    this.#handle = handle;
    this.#snapshot = handle === undefined;
  }

  *take(messages: readonly Message[], stream: ShapeStream): Generator<{ batch: FeedBatch; malformed: string[] }> {
    for (const message of messages) {
      const read = readMessage(message, this.#scope);
      if (read.is === "change") this.#changes.push(read.change);
      else if (read.is === "malformed") this.#malformed.push(read.reason);
      else if (read.is === "must-refetch") this.#beginAnew();
      else if (read.is === "up-to-date") yield this.#finish(read, stream);
    }
  }

  /** What was gathered belongs to a log that is no more; what the replica holds goes on until the new slice is whole. */
  #beginAnew(): void {
    this.#handle = undefined;
    this.#snapshot = true;
    this.#changes = [];
    this.#malformed = [];
  }

  #finish(
    { lastSeen, receipt }: { readonly lastSeen: string | undefined; readonly receipt: FeedReceipt | undefined },
    stream: ShapeStream,
  ): { batch: FeedBatch; malformed: string[] } {
    this.#handle ??= stream.shapeHandle ?? "";
    const position = positionOf(lastSeen, this.#handle === stream.shapeHandle ? stream.lastOffset : undefined);
    const batch = {
      scope: this.#scope,
      handle: this.#handle,
      position,
      snapshot: this.#snapshot,
      changes: this.#changes,
      receipt,
    };
    const malformed = this.#malformed;
    this.#snapshot = false;
    this.#changes = [];
    this.#malformed = [];
    return { batch, malformed };
  }
}

/**
 * Where a batch leads to. The client's own position may be ahead of it, or at the beginning of the next log already;
 * what the up-to-date says may, at another server than ours, be ahead of the log.
 */
function positionOf(lastSeen: string | undefined, client: string | undefined): string {
  const ofClient = client === "-1" ? undefined : client;
  if (lastSeen === undefined) return ofClient ?? "-1";
  return ofClient === undefined ? `${lastSeen}_0` : lowerPosition(`${lastSeen}_0`, ofClient);
}
