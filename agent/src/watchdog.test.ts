import { expect, test } from "vitest";
import { testLog } from "./testing/agents.ts";
import { manualClock } from "./testing/manual-clock.ts";
import { startWatchdog } from "./watchdog.ts";

function watched(microseconds: number | undefined) {
  const told: string[] = [];
  const health = { is: true };
  const clock = manualClock();
  const { log, lines } = testLog();
  const notify = async (state: string) => void told.push(state);
  const watchdog = startWatchdog({ clock, log, notify, microseconds, isHealthy: () => health.is });
  return { told, health, clock, lines, watchdog };
}

test("readiness is told once, and a sign of life every third of the time that systemd waits", async () => {
  const one = watched(300_000_000);
  await one.clock.advance(0);
  expect(one.told).toEqual(["READY=1", "WATCHDOG=1"]);
  await one.clock.advance(300_000);
  expect(one.told).toEqual(["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
  await one.watchdog.close();
});

test("without a watchdog only readiness is told", async () => {
  const one = watched(undefined);
  await one.clock.advance(3_600_000);
  expect(one.told).toEqual(["READY=1"]);
  await one.watchdog.close();
});

test("an unhealthy program gives no sign of life and says why", async () => {
  const one = watched(30_000_000);
  await one.clock.advance(0);
  one.health.is = false;
  await one.clock.advance(60_000);
  expect(one.told).toEqual(["READY=1", "WATCHDOG=1"]);
  expect(one.lines).toEqual([expect.objectContaining({ level: 50 })]);
  await one.watchdog.close();
});
