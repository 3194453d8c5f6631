import { type Clock, type Log, seconds } from "@holdfast/runtime";
import { type Loop, startLoop } from "./loop.ts";

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Tells systemd: `READY=1`, `WATCHDOG=1`. */
  readonly notify: (state: string) => Promise<void>;
  /** WATCHDOG_USEC: how long systemd waits between two signs of life, in microseconds; undefined when it does not. */
  readonly microseconds: number | undefined;
  /** Whether the program does what it should. Being cut off from the site is healthy: a restart would mend nothing. */
  readonly isHealthy: () => boolean;
}

const AGAIN_LOGGED_AFTER = seconds(300);

/** Tells systemd that the program is ready, then gives a sign of life every third of the time allowed, while healthy. */
export function startWatchdog({ clock, log, notify, microseconds, isHealthy }: WatchdogOptions): Loop {
  const interval = microseconds === undefined ? undefined : microseconds / 1_000 / 3;
  let isReady = false;
  let loggedAt: number | undefined;
  return startLoop({
    name: "watchdog",
    clock,
    log,
    begin: "at-once",
    every: () => interval,
    run: async () => {
      if (!isReady) {
        await notify("READY=1");
        isReady = true;
      }
      if (interval === undefined) return;
      if (isHealthy()) return notify("WATCHDOG=1");
      if (loggedAt !== undefined && clock.monotonic() - loggedAt < AGAIN_LOGGED_AFTER) return;
      loggedAt = clock.monotonic();
      log.error("not healthy; systemd will restart the agent");
    },
  });
}
