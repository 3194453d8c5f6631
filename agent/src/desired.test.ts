import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { type Desired, decode, encode, type Reported } from "@holdfast/protocol/messages";
import { expect, test } from "vitest";
import { createDesiredState } from "./desired.ts";
import { openSpool } from "./spool.ts";
import { temporaryDirectory, testLog } from "./testing/agents.ts";

const HOST = "host-0a1b2c3d";

function world(stateDir: string) {
  const reported: Reported[] = [];
  const { log, lines } = testLog();
  const spool = openSpool({ directory: `${stateDir}/spool`, log });
  const put = (message: Parameters<typeof spool.put>[0]) => {
    reported.push(decode("Reported", message.payload));
    spool.put(message);
  };
  let applied = 0;
  const open = (siteId = "site-00000001", hostId = HOST) =>
    createDesiredState({ log, stateDir, spool: { ...spool, put }, siteId, hostId, onApplied: () => (applied += 1) });
  return { reported, lines, open, count: () => applied };
}

function document(incarnation: number, counter: number, more: Partial<Desired> = {}): Uint8Array {
  const desired: Desired = {
    version: { incarnation, counter },
    hostId: HOST,
    name: "one",
    generation: 7,
    metadata: {},
  };
  return encode("Desired", { ...desired, ...more });
}

test("a newer document is applied, kept and reported with its version and generation", () => {
  using directory = temporaryDirectory();
  const { open, reported, count } = world(directory.path);
  const state = open();
  state.receive(document(1, 1, { heartbeatSeconds: 20, telemetrySeconds: 0 }));
  const applied = { version: { incarnation: 1, counter: 1 }, generation: 7, heartbeatSeconds: 20, telemetrySeconds: 0 };
  expect(state.applied).toMatchObject(applied);
  expect(open().applied).toMatchObject(applied);
  expect(reported).toEqual([expect.objectContaining({ version: applied.version, state: "APPLIED", generation: 7 })]);
  expect(count()).toBe(1);
});

test("versions are ordered by incarnation first, then by counter, and an older or equal one changes nothing", () => {
  using directory = temporaryDirectory();
  const { open, reported } = world(directory.path);
  const state = open();
  for (const [incarnation, counter] of [
    [2, 5],
    [2, 5],
    [2, 4],
    [1, 9],
    [2, 6],
    [3, 1],
    [2, 99],
  ] as const) {
    state.receive(document(incarnation, counter));
  }
  expect(reported.map(({ version }) => [version?.incarnation, version?.counter])).toEqual([
    [2, 5],
    [2, 6],
    [3, 1],
  ]);
});

test("after a restart the applied version is reported once more, for a crash may have come before the report", () => {
  using directory = temporaryDirectory();
  const { open, reported, count } = world(directory.path);
  open().receive(document(1, 1));
  const again = open();
  for (let time = 0; time < 3; time += 1) again.receive(document(1, 1));
  expect(reported).toHaveLength(2);
  expect(count()).toBe(1);
});

test("a document that a full disk refuses is reported as failed once, and applied when there is room again", () => {
  using directory = temporaryDirectory();
  const { open, reported } = world(directory.path);
  const state = open();
  const fill = () => symlinkSync("/dev/full", join(directory.path, "applied.json.tmp"));
  fill();
  state.receive(document(1, 1));
  fill();
  state.retry();
  expect(state.applied).toBeUndefined();
  expect(reported).toMatchObject([{ state: "FAILED", error: expect.stringContaining("ENOSPC") }]);
  for (let time = 0; time < 3; time += 1) state.retry();
  expect(state.applied).toMatchObject({ version: { incarnation: 1, counter: 1 } });
  expect(reported.map(({ state }) => state)).toEqual(["FAILED", "APPLIED"]);
});

test("what was applied for another host or site does not hold back a new one", () => {
  using directory = temporaryDirectory();
  const { open } = world(directory.path);
  open().receive(document(9, 9));
  expect(open("site-00000002").applied).toBeUndefined();
});

test("a document whose rest is unreadable is reported as failed by its version, once", () => {
  using directory = temporaryDirectory();
  const { open, reported, lines } = world(directory.path);
  const state = open();
  const broken = Buffer.concat([document(1, 2).subarray(0, 12), Buffer.from([0xff, 0xff, 0xff])]);
  state.receive(broken);
  state.receive(broken);
  expect(reported).toEqual([expect.objectContaining({ version: { incarnation: 1, counter: 2 }, state: "FAILED" })]);
  expect(lines).toContainEqual(expect.objectContaining({ level: 50 }));
  state.receive(document(1, 3));
  expect(state.applied).toMatchObject({ version: { incarnation: 1, counter: 3 } });
});

test.each([
  ["for another host", { hostId: "host-ffffffff" }],
  ["with heartbeats too far apart", { heartbeatSeconds: 86_400 }],
  ["with heartbeats without a pause", { heartbeatSeconds: 0 }],
  ["with measurements too far apart", { telemetrySeconds: 1_000_000 }],
])("a document %s is not applied and is reported as failed with the reason", (_what, more) => {
  using directory = temporaryDirectory();
  const { open, reported } = world(directory.path);
  const state = open();
  state.receive(document(1, 1, more));
  expect(state.applied).toBeUndefined();
  expect(reported).toEqual([expect.objectContaining({ state: "FAILED", error: expect.any(String), generation: 7 })]);
});

test.each([
  ["bytes that are no message", Uint8Array.from([0x0a, 0x05, 0xff])],
  ["a document without a version", encode("Desired", { hostId: HOST, name: "", generation: 1, metadata: {} })],
  ["more bytes than any document has", new Uint8Array(300 * 1024)],
])("%s are logged, and nothing is reported or thrown", (_what, payload) => {
  using directory = temporaryDirectory();
  const { open, reported, lines } = world(directory.path);
  open().receive(payload);
  expect(reported).toEqual([]);
  expect(lines).toContainEqual(expect.objectContaining({ level: 50 }));
});
