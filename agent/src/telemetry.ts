import { encode, type Point } from "@holdfast/protocol/messages";
import { UP } from "@holdfast/protocol/topics";
import { type Clock, type Log, messageOf, seconds } from "@holdfast/runtime";
import { withDeadline } from "./deadline.ts";
import type { Link } from "./link.ts";
import { type Loop, startLoop } from "./loop.ts";
import type { Spool } from "./spool.ts";
import type { Source, Values } from "./telemetry-sources.ts";

export interface TelemetryOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly sources: Readonly<Record<string, Source>>;
  readonly spool: Spool;
  readonly link: () => Link | undefined;
  /** Between two measurements; 0 measures nothing. */
  readonly seconds: () => number;
}

const STREAM = "system";
const SOURCE_WITHIN = seconds(5);
/** A site accepts messages of 256 KiB. */
const BATCH_MOST = { points: 60, bytes: 64 * 1024 };

/**
 * Measures every so many seconds. With a link a point goes out at once, unacknowledged; without one it is kept in the
 * spool, up to sixty in a message, so that a month away is hundreds of files and not tens of thousands.
 */
export function startTelemetry(options: TelemetryOptions): Loop {
  const { clock, log, sources, spool, link, seconds: interval } = options;
  const unavailable = new Set<string>();
  let batch: Point[] = [];
  let batches = 0;

  async function measure(signal: AbortSignal): Promise<Values> {
    const values: Values = {};
    for (const [name, source] of Object.entries(sources)) {
      try {
        Object.assign(values, await withDeadline({ clock, within: SOURCE_WITHIN, what: name, signal }, source));
        unavailable.delete(name);
      } catch (error) {
        signal.throwIfAborted();
        if (!unavailable.has(name)) log.warn({ source: name, error: messageOf(error) }, "nothing to be measured here");
        unavailable.add(name);
      }
    }
    return Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)));
  }

  async function send(through: Link, point: Point): Promise<void> {
    const { dropped } = spool;
    const payload = encode("Telemetry", { stream: STREAM, points: [point], dropped });
    // That something was dropped must arrive; an ordinary point may be lost.
    await through.publish(UP.telemetry(STREAM), payload, { qos: dropped > 0 ? 1 : 0 });
    if (dropped > 0) spool.toldDropped(dropped);
  }

  const encoded = (points: Point[]) => encode("Telemetry", { stream: STREAM, points, dropped: 0 });

  function keep(point: Point): void {
    const larger = encoded([...batch, point]);
    const isFull = batch.length >= BATCH_MOST.points || larger.length > BATCH_MOST.bytes;
    if (batch.length === 0 || isFull) batches += 1;
    batch = isFull ? [point] : [...batch, point];
    spool.put({
      leaf: UP.telemetry(STREAM),
      payload: isFull ? encoded(batch) : larger,
      retain: false,
      key: `${UP.telemetry(STREAM)} ${batch[0]?.at} ${batches}`,
      points: batch.length,
    });
  }

  async function run(signal: AbortSignal): Promise<void> {
    if (interval() === 0) return;
    const point: Point = { at: clock.now(), values: await measure(signal) };
    if (Object.keys(point.values).length === 0) return;
    const through = link();
    if (through === undefined) return keep(point);
    batch = [];
    await send(through, point).catch(() => keep(point));
  }

  return startLoop({
    name: "telemetry",
    clock,
    log,
    begin: "after-pause",
    every: () => (interval() === 0 ? undefined : seconds(interval())),
    run,
  });
}
