import type { Store } from "@holdfast/inventory";
import type { UplinkRefusal } from "@holdfast/protocol/uplink";
import type { Clock, Log } from "@holdfast/runtime";
import { readSetting } from "../database/settings.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { startStream } from "../outbox/stream.ts";

export interface RestreamOptions {
  readonly store: Store;
  readonly outbox: Outbox;
  readonly site: string;
  readonly tenant: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Another stream has begun, or the hub has said how far it is: the feed must be asked anew. */
  readonly onListen?: () => void;
}

export interface Restream {
  readonly reason: UplinkRefusal["reason"];
  /** The hub's life; the one that is known when absent. */
  readonly epoch?: string;
  readonly above?: number;
}

/** Starts another stream because the hub cannot take this one, now or ever; nothing is lost. */
export async function restream(options: RestreamOptions, { reason, above = 0, ...next }: Restream): Promise<void> {
  const { store, outbox, site, tenant, clock, log, onListen } = options;
  const started = await store.write(async (transaction) => {
    const stream = await readSetting(transaction, "stream");
    const epoch = next.epoch ?? stream?.epoch ?? "";
    // A refusal that names the epoch we are in already was meant for an older request.
    if (reason === "epoch" && stream?.epoch === epoch) return false;
    // Whatever else is wrong with it: another life of the hub has refused it, and may have lost history.
    const why = stream !== undefined && stream.epoch !== epoch ? "epoch" : reason;
    await startStream(transaction, outbox, { epoch, reason: why, above, site, tenant, now: clock.now() });
    return true;
  });
  if (!started) return;
  log.info({ reason }, "a new stream has started");
  onListen?.();
}
