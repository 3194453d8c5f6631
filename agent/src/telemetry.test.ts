import { decode, MESSAGE_LIMITS, type Telemetry } from "@holdfast/protocol/messages";
import { silentLog } from "@holdfast/runtime";
import { expect, test } from "vitest";
import type { Link } from "./link.ts";
import { openSpool } from "./spool.ts";
import { startTelemetry } from "./telemetry.ts";
import type { Values } from "./telemetry-sources.ts";
import { temporaryDirectory } from "./testing/agents.ts";
import { manualClock } from "./testing/manual-clock.ts";
import { until } from "./testing/until.ts";

const few = async (): Promise<Values> => ({ count: 1, unknown: Number.NaN });

function measuring(directory: string, { seconds = 60, messages = 2, count = few } = {}) {
  const clock = manualClock();
  const spool = openSpool({ directory, log: silentLog, bounds: { bytes: 10_000_000, messages } });
  const sent: (Telemetry & { qos: number })[] = [];
  const state = { isConnected: false, fails: false };
  const publish: Link["publish"] = async (_leaf, payload, { qos }) => {
    if (state.fails) throw new Error("not connected");
    sent.push({ ...decode("Telemetry", Buffer.from(payload)), qos });
  };
  const link = () => (state.isConnected ? ({ publish } as Link) : undefined);
  const sources = { count };
  const telemetry = startTelemetry({ clock, log: silentLog, sources, spool, link, seconds: () => seconds });
  return { clock, spool, sent, state, telemetry };
}

test("how many measurements were dropped is told with the first that goes out, acknowledged, and only once", async () => {
  using directory = temporaryDirectory();
  const { clock, spool, sent, state, telemetry } = measuring(directory.path);
  await clock.advance(200 * 60_000);
  expect(spool.dropped).toBe(120);
  state.isConnected = true;
  await clock.advance(120_000);
  expect(sent.map(({ dropped, qos }) => ({ dropped, qos }))).toEqual([
    { dropped: 120, qos: 1 },
    { dropped: 0, qos: 0 },
  ]);
  await telemetry.close();
});

test("a measurement that the link did not take is kept", async () => {
  using directory = temporaryDirectory();
  const { clock, spool, state, telemetry } = measuring(directory.path);
  Object.assign(state, { isConnected: true, fails: true });
  await clock.advance(60_000);
  expect(spool.size.messages).toBe(1);
  await telemetry.close();
});

test("what waits for the site is in messages that the site accepts, however many values a measurement has", async () => {
  using directory = temporaryDirectory();
  const many = Object.fromEntries(
    Array.from({ length: 200 }, (_, index) => [`net.cali0123456789${index}.sent_bytes`, 1]),
  );
  const { clock, spool, telemetry } = measuring(directory.path, { messages: 100, count: async () => many });
  await clock.advance(60 * 60_000);
  const sizes: number[] = [];
  const points: number[] = [];
  spool.attach(async ({ payload }) => {
    sizes.push(payload.length);
    points.push(decode("Telemetry", Buffer.from(payload)).points.length);
  });
  await until(() => spool.size.messages === 0, "all are sent");
  expect(Math.max(...sizes)).toBeLessThan(MESSAGE_LIMITS.bytes / 2);
  expect(points.reduce((sum, count) => sum + count, 0)).toBe(60);
  await telemetry.close();
});

test("an interval of zero measures nothing, and a value that is not a number is left out", async () => {
  using directory = temporaryDirectory();
  const none = measuring(directory.path, { seconds: 0 });
  none.state.isConnected = true;
  await none.clock.advance(30 * 86_400_000);
  none.telemetry.wake();
  await none.clock.advance(1);
  expect(none.sent).toEqual([]);
  await none.telemetry.close();

  const some = measuring(directory.path);
  some.state.isConnected = true;
  await some.clock.advance(60_000);
  expect(some.sent[0]?.points[0]?.values).toEqual({ count: 1 });
  await some.telemetry.close();
});
