import { decode, type Telemetry } from "@holdfast/protocol/messages";
import { silentLog } from "@holdfast/runtime";
import { expect, test } from "vitest";
import type { Link } from "./link.ts";
import { openSpool } from "./spool.ts";
import { startTelemetry } from "./telemetry.ts";
import { temporaryDirectory } from "./testing/agents.ts";
import { manualClock } from "./testing/manual-clock.ts";

function measuring(directory: string, seconds = 60) {
  const clock = manualClock();
  const spool = openSpool({ directory, log: silentLog, bounds: { bytes: 1_000_000, messages: 2 } });
  const sent: (Telemetry & { qos: number })[] = [];
  const state = { isConnected: false, fails: false };
  const publish: Link["publish"] = async (_leaf, payload, { qos }) => {
    if (state.fails) throw new Error("not connected");
    sent.push({ ...decode("Telemetry", Buffer.from(payload)), qos });
  };
  const link = () => (state.isConnected ? ({ publish } as Link) : undefined);
  const sources = { count: async () => ({ count: 1, unknown: Number.NaN }) };
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

test("an interval of zero measures nothing, and a value that is not a number is left out", async () => {
  using directory = temporaryDirectory();
  const none = measuring(directory.path, 0);
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
