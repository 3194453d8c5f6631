import { type DocumentVersion, encode } from "@holdfast/protocol/messages";
import { UP } from "@holdfast/protocol/topics";
import { type Clock, type Log, messageOf } from "@holdfast/runtime";
import type { Link } from "./link.ts";
import { type Loop, startLoop } from "./loop.ts";

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly link: () => Link | undefined;
  /** Between two heartbeats. */
  readonly seconds: () => number;
  /** Hash of the last report sent; the site asks again when it holds another. */
  readonly reportHash: () => string;
  readonly applied: () => DocumentVersion | undefined;
  /** How long the machine has been up, when that can be known. */
  readonly uptimeSeconds: () => number | undefined;
}

export interface Heartbeat extends Loop {
  /** `clock.monotonic()` of the last turn, connected or not. */
  readonly lastTurn: number;
}

/** Part of the interval by which each pause differs, so that machines started together do not beat together. */
const JITTER = 0.1;

/** Sends a heartbeat now and then every interval, ± 10 %, while a link is up. One that cannot be sent is not kept. */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { clock, log, random, link, seconds, reportHash, applied, uptimeSeconds } = options;
  let session: string | undefined;
  let sequence = 0;
  let lastTurn = clock.monotonic();

  async function beat(): Promise<void> {
    lastTurn = clock.monotonic();
    const through = link();
    if (through === undefined) return;
    if (session !== through.session) {
      session = through.session;
      sequence = 0;
    }
    sequence += 1;
    const [version, uptime] = [applied(), uptimeSeconds()];
    const payload = encode("Heartbeat", {
      session,
      sequence,
      reportHash: reportHash(),
      ...(version !== undefined && { applied: version }),
      ...(uptime !== undefined && { uptimeSeconds: uptime }),
    });
    // Not awaited: a socket that takes nothing any more must not stop the turns, which the watchdog counts.
    void through
      .publish(UP.heartbeat, payload, { qos: 0 })
      .catch((error) => log.debug({ error: messageOf(error) }, "a heartbeat was not sent"));
  }

  const loop = startLoop({
    name: "heartbeat",
    clock,
    log,
    begin: "at-once",
    every: () => seconds() * 1_000 * (1 - JITTER + 2 * JITTER * random()),
    run: beat,
  });
  return {
    ...loop,
    get lastTurn() {
      return lastTurn;
    },
  };
}
