import type { Store } from "@holdfast/inventory";
import {
  batchTakesAtMost,
  type UplinkRefusal,
  UplinkRefusal as UplinkRefusalSchema,
  UplinkReply,
} from "@holdfast/protocol/uplink";
import { type Clock, fullJitter, type Log, messageOf, seconds } from "@holdfast/runtime";
import { Compile } from "typebox/compile";
import { count } from "../database/counters.ts";
import { readSetting } from "../database/settings.ts";
import { byteLength, type Outbox } from "../outbox/outbox.ts";
import { acknowledge } from "../outbox/reply.ts";
import { type SealedBatch, seal, unseal } from "../outbox/seal.ts";
import type { HubAnswer, HubLink } from "./hub-link.ts";
import { restream } from "./restream.ts";

const replyShape = Compile(UplinkReply);
const refusalShape = Compile(UplinkRefusalSchema);

const SMALLEST_BATCH = 64 * 1024;

export interface PushOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly link: HubLink;
  readonly site: string;
  readonly tenant: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when a request got through after some had not: whatever waits for the hub may try now. */
  readonly onReached?: () => void;
  /** See `RestreamOptions`. */
  readonly onListen?: () => void;
  /** Called after each batch that the hub has taken, when what came of it is durable. */
  readonly onTaken?: () => void;
  /** Told which version of the protocol the hub speaks, whenever it says so. */
  readonly onVersion?: (protocol: number) => void;
}

export interface Push {
  /** Resolves when nothing waits to be sent and nothing is on its way. */
  drained(signal?: AbortSignal): Promise<void>;
  /** The hub may take now what it did not take before. */
  retry(): void;
  close(): Promise<void>;
}

/** Sends what the outbox holds, batch by batch, each until it is acknowledged, through cuts and crashes. */
export function startPush(options: PushOptions): Push {
  const { clock, log, outbox, onReached } = options;
  const stopped = new AbortController();
  const pusher = new Pusher(options);
  let wanted = true;
  let drained = false;
  let failures = 0;
  let retry = () => {};
  const wakers = new Set<() => void>();
  const wakeAll = () => {
    for (const wake of [...wakers]) wake();
  };
  const unsubscribe = outbox.onAdded(() => {
    wanted = true;
    drained = false;
    wakeAll();
  });

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      if (!wanted) {
        await changed();
        continue;
      }
      try {
        wanted = false;
        const sent = await pusher.pushOne(stopped.signal);
        if (failures > 0 && sent) {
          log.info({ failures }, "the hub takes batches again");
          onReached?.();
        }
        failures = 0;
        if (sent) wanted = true;
        else if (!wanted) {
          drained = true;
          wakeAll();
        }
      } catch (error) {
        wanted = true;
        if (stopped.signal.aborted) return;
        failures += 1;
        const wait = Math.max(waitAsked(error), fullJitter(failures, { first: 250, most: 60_000 }));
        log.warn({ failures, wait, error: messageOf(error) }, "the hub did not take the batch, will send it again");
        const retried = new AbortController();
        retry = () => retried.abort();
        await clock.sleep(wait, AbortSignal.any([stopped.signal, retried.signal])).catch(() => undefined);
      }
    }
  }

  async function changed(signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        wakers.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      wakers.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }

  const running = run();
  return {
    drained: async (signal) => {
      while (!drained) {
        signal?.throwIfAborted();
        stopped.signal.throwIfAborted();
        await changed(signal);
      }
    },
    retry: () => retry(),
    close: async () => {
      stopped.abort(new Error("stopped"));
      unsubscribe();
      wakeAll();
      await running;
    },
  };
}

/** The hub asks to be left alone for a while. */
class NotNow extends Error {
  readonly wait: number;

  constructor(message: string, wait: number) {
    super(message);
    this.wait = wait;
  }
}

function waitAsked(error: unknown): number {
  return error instanceof NotNow ? error.wait : 0;
}

/** One batch at a time; nothing about it is kept in memory that the database does not hold. */
export class Pusher {
  readonly #options: PushOptions;
  #batchBytes: number | undefined;

  constructor(options: PushOptions) {
    this.#options = options;
  }

  /**
   * Sends the batch that waits, or the next one. Returns whether there may be more to send. Throws when the batch is to be sent
   * again later, unchanged.
   */
  async pushOne(signal: AbortSignal): Promise<boolean> {
    const { store, link, site, tenant, clock } = this.#options;
    const limit = this.#batchBytes === undefined ? {} : { batchBytes: this.#batchBytes };
    const batch = await store.write((transaction) => seal(transaction, { site, tenant, now: clock.now(), ...limit }));
    if (!batch) return false;
    const within = batchTakesAtMost(byteLength(batch.body));
    const answer = await link.ask(`/v1/sites/${site}/uplink`, { body: batch.body, within, signal });
    await this.#take(batch, answer);
    return true;
  }

  async #take(batch: SealedBatch, { status, body, retryAfter }: HubAnswer): Promise<void> {
    if (status === 200 && replyShape.Check(body)) return this.#acknowledged(batch, body);
    if (status === 409 && refusalShape.Check(body)) return this.#refused(batch, body);
    if (status === 413) return this.#tooLarge(batch);
    const said = `the hub answered ${status}: ${JSON.stringify(body)?.slice(0, 300)}`;
    throw new NotNow(said, retryAfter ?? (status === 401 || status === 403 || status === 426 ? seconds(30) : 0));
  }

  async #acknowledged(batch: SealedBatch, reply: UplinkReply): Promise<void> {
    const { store, site, tenant, clock, onListen, onTaken, onVersion } = this.#options;
    const done = await store.write(async (transaction) => {
      const stream = await readSetting(transaction, "stream");
      const of = { site, tenant, epoch: stream?.epoch ?? "" };
      return acknowledge(transaction, of, { batch, reply, now: clock.now() });
    });
    if (!done.taken) throw new NotNow(`the hub's reply is not to this batch: cursor ${reply.cursor}`, seconds(5));
    if (done.listens) onListen?.();
    onTaken?.();
    if (reply.protocol !== undefined) onVersion?.(reply.protocol);
  }

  /** The hub cannot take this batch in this stream, now or ever: a new stream starts, and loses nothing. */
  async #refused(batch: SealedBatch, refusal: UplinkRefusal): Promise<void> {
    const { reason, epoch, incarnation } = refusal;
    this.#options.log.warn(
      { reason, epoch, incarnation, first: batch.first },
      "the hub refused the stream, starting another",
    );
    await restream(this.#options, { epoch, reason, above: incarnation });
    // With a pause that grows: a hub that refuses every stream must not be asked without end.
    throw new NotNow(`the hub refused the stream: ${reason}`, 0);
  }

  /**
   * Batches are sealed small enough, so something in between takes less. The hub has seen nothing of this one, so its numbers
   * go to smaller ones in the same stream: another would look as if this site had lost its disk.
   */
  async #tooLarge(batch: SealedBatch): Promise<void> {
    const size = byteLength(batch.body);
    this.#batchBytes = Math.max(SMALLEST_BATCH, Math.floor(size / 2));
    this.#options.log.error({ size, entries: batch.entries }, "a batch is too large for the hub, sending smaller ones");
    await this.#options.store.write(async (transaction) => {
      await count(transaction, "batches-too-large");
      await unseal(transaction, batch);
    });
    throw new NotNow(`the hub found a batch of ${size} bytes too large`, 0);
  }
}
