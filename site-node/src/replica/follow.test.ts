import { type Clock, createLog, systemClock } from "@holdfast/runtime";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { ShapeHub } from "../testing/shape-hub.ts";
import type { FeedBatch } from "./apply.ts";
import { type Follower, follow } from "./follow.ts";
import { lowerPosition, readMessage } from "./messages.ts";

const closing: Follower[] = [];
afterEach(async () => {
  for (const follower of closing.splice(0)) await follower.close();
});

let hubs = 0;
const row = (seq: number, id: string, body: string | null = `{"n":${seq}}`) => ({ seq, kind: "host", id, body });

/** A replica that keeps what it is given, and can be slow or fail. */
function following(hub: ShapeHub, start?: { handle: string; position: string }, clock: Clock = systemClock) {
  hubs += 1;
  const said: string[] = [];
  const log = createLog("test", "info", { write: (line: string) => said.push(JSON.parse(line).msg) });
  let stored = start;
  const batches: FeedBatch[] = [];
  const shown = new Map<string, number>();
  let before: () => Promise<void> = async () => undefined;
  const follower = follow({
    scope: hub.scope,
    // A host of its own: the client keeps what it learnt of a shape under its address.
    hubUrl: `http://hub-${hubs}.test`,
    headers: () => ({ authorization: "Bearer t" }),
    ...{ fetch: hub.fetch, clock, log },
    position: async () => stored,
    apply: async (batch, malformed) => {
      await before();
      if (batch.snapshot) shown.clear();
      for (const change of batch.changes) {
        if (change.is === "row") shown.set(change.id, change.seq);
        else shown.delete(change.id);
      }
      batches.push(batch);
      unreadable.push(...malformed);
      stored = { handle: batch.handle, position: batch.position };
    },
  });
  const unreadable: string[] = [];
  closing.push(follower);
  return {
    ...{ follower, batches, shown, unreadable, said },
    stored: () => stored,
    beforeApply: (hook: () => Promise<void>) => (before = hook),
  };
}

async function until(check: () => boolean, what: string): Promise<void> {
  const deadline = systemClock.monotonic() + 10_000;
  while (!check()) {
    if (systemClock.monotonic() > deadline) throw new Error(`never: ${what}`);
    await systemClock.sleep(10);
  }
}

function newHub(): ShapeHub {
  const hub = new ShapeHub("site:site-0000000a");
  hub.commit(row(1, "a"), row(2, "b"));
  return hub;
}

test("the first slice is whole before it is applied, and what changes after comes by itself", async () => {
  const hub = newHub();
  const site = following(hub);
  await until(() => site.batches.length === 1, "the first slice");
  expect(site.batches[0]).toMatchObject({ snapshot: true, handle: "handle-1", position: "2_0" });
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  hub.commit(row(3, "a"));
  hub.commit(row(4, "b", null));
  await until(() => site.batches.length === 3, "two commits");
  expect([...site.shown]).toEqual([["a", 3]]);
  expect(hub.requests[0]?.searchParams.get("params[1]")).toBe(hub.scope);
});

test("a position is stored with the rows that lead to it, however far the client has read ahead", async () => {
  const hub = newHub();
  const site = following(hub);
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  const { promise, resolve } = Promise.withResolvers<void>();
  site.beforeApply(() => promise);
  hub.commit(row(3, "a"));
  hub.commit(row(4, "a"));
  hub.commit(row(5, "a"));
  await systemClock.sleep(50);
  resolve();
  await until(() => site.batches.length === 4, "three commits");
  expect(site.batches.slice(1).map(({ position }) => position)).toEqual(["3_0", "4_0", "5_0"]);
});

test("told to begin anew, the old slice serves until the new one is whole, under the handle of its own log", async () => {
  const hub = newHub();
  const site = following(hub);
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  const { promise, resolve } = Promise.withResolvers<void>();
  site.beforeApply(() => promise);
  hub.commit(row(3, "c"));
  hub.commit(row(4, "d"));
  await systemClock.sleep(50);
  const asked = hub.requests.length;
  hub.rotate("handle-2", row(1, "z"));
  // The client knows of the new log while it still hands over messages of the old one.
  await until(() => hub.requests.length > asked, "the client to be told");
  // Nothing shows when it has taken that in: it pauses up to 400 ms after a short stream, and then waits for us.
  await systemClock.sleep(600);
  resolve();
  await until(() => site.batches.length === 4, "the new slice");
  const [, ...later] = site.batches;
  expect(later.map(({ handle, position, snapshot }) => [handle, position, snapshot])).toEqual([
    ["handle-1", "3_0", false],
    ["handle-1", "4_0", false],
    ["handle-2", "1_0", true],
  ]);
  expect([...site.shown.keys()]).toEqual(["z"]);
});

test("a restart goes on where the stored position is, without the first slice again", async () => {
  const hub = newHub();
  hub.commit(row(3, "c"));
  const site = following(hub, { handle: "handle-1", position: "2_0" });
  await until(() => site.batches.length === 1, "catching up");
  expect(site.batches[0]).toMatchObject({ snapshot: false, changes: [{ id: "c" }] });
  expect(hub.requests.every((url) => url.searchParams.get("offset") !== "-1")).toBe(true);
});

test("a batch that cannot be stored is fetched again from the stored position, and nothing after it is skipped", async () => {
  const hub = newHub();
  const site = following(hub);
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  let failures = 1;
  site.beforeApply(async () => {
    if (failures-- > 0) throw new Error("disk full");
  });
  hub.commit(row(3, "c"));
  hub.commit(row(4, "d"));
  await until(() => site.shown.has("d"), "the later row");
  expect([...site.shown.keys()]).toEqual(["a", "b", "c", "d"]);
  expect(site.stored()).toEqual({ handle: "handle-1", position: "4_0" });
});

/** A clock whose pauses between tries are as long as they may be, and are written down; they end at once, or when they are broken off. */
function pausing(ends: "at once" | "when broken off"): { clock: Clock; pauses: number[] } {
  const random = vi.spyOn(Math, "random").mockReturnValue(1);
  onTestFinished(() => random.mockRestore());
  const pauses: number[] = [];
  const sleep = (milliseconds: number, signal?: AbortSignal) => {
    pauses.push(milliseconds);
    return systemClock.sleep(ends === "at once" ? 1 : 1_000_000, signal);
  };
  return { clock: { ...systemClock, sleep }, pauses };
}

test("tries that bring nothing are ever further apart, and near each other again when one has brought something", async () => {
  const hub = newHub();
  const { clock, pauses } = pausing("at once");
  const site = following(hub, undefined, clock);
  let tries = 0;
  site.beforeApply(async () => {
    tries += 1;
    if (tries < 4 || tries === 5) throw new Error("disk full");
  });
  await until(() => site.batches.length === 1, "the first slice");
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  hub.commit(row(3, "c"));
  await until(() => site.shown.has("c"), "the later row");
  expect(pauses).toEqual([500, 1_000, 2_000, 500]);
  expect(site.said).toEqual(Array(4).fill("following the hub's feed broke off, will begin again"));
});

test("a pause is broken off by beginning anew, and by closing, of which nothing is said", async () => {
  const hub = newHub();
  const { clock, pauses } = pausing("when broken off");
  const site = following(hub, undefined, clock);
  site.beforeApply(async () => {
    throw new Error("disk full");
  });
  await until(() => pauses.length === 1, "a pause");
  site.follower.restart();
  await until(() => pauses.length === 2, "another try");
  // Whoever asks to begin anew has a reason to think that it will go well.
  expect(pauses).toEqual([500, 500]);
  await site.follower.close();
  expect(site.said).toHaveLength(2);
});

test.each([401, 403, 426, 400])("a hub that answers %d is asked again until it lets the site in", async (status) => {
  const hub = newHub();
  hub.refusing = status;
  const site = following(hub);
  await until(() => hub.requests.length > 1, "asking again");
  expect(site.batches).toEqual([]);
  hub.refusing = undefined;
  await until(() => site.batches.length === 1, "the first slice");
});

test("a refresh ends when what the hub had is here", async () => {
  const hub = newHub();
  const site = following(hub);
  await until(() => site.batches.length === 1, "the first slice");
  await site.follower.refresh();
  expect(site.batches.length).toBeGreaterThan(1);
});

test("a refresh ends as soon as what it waited for is stored", async () => {
  const hub = newHub();
  const { clock } = pausing("when broken off");
  const site = following(hub, undefined, clock);
  await until(() => site.batches.length === 1, "the first slice");
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  // Otherwise it would look again after a pause, which never ends here.
  await site.follower.refresh();
});

test("what cannot be read is told with the batch that it came in, once, and the rest of that is applied", async () => {
  const hub = newHub();
  const site = following(hub);
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  hub.commit({ ...row(3, "c"), kind: "" }, row(3, "d"));
  hub.commit(row(4, "e"));
  await until(() => site.batches.length === 3, "two commits");
  expect(site.unreadable).toEqual(["a row without kind or id"]);
  const [, ...later] = site.batches.map(({ changes }) => changes);
  expect(later).toEqual([[{ is: "row", ...row(3, "d") }], [{ is: "row", ...row(4, "e") }]]);
});

test("a refresh does not take what was on its way before it for the answer", async () => {
  const hub = newHub();
  const site = following(hub);
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  const { promise, resolve } = Promise.withResolvers<void>();
  site.beforeApply(() => promise);
  hub.commit(row(3, "c"));
  await systemClock.sleep(50);
  hub.commit(row(4, "d"));
  const refreshed = site.follower.refresh();
  resolve();
  await refreshed;
  expect(site.shown.has("d")).toBe(true);
});

test("what is being stored is stored before the scope is followed anew, and before closing ends", async () => {
  const hub = newHub();
  const site = following(hub);
  await until(() => hub.requests.some((url) => url.searchParams.get("live_sse") === "true"), "following live");
  let held = Promise.withResolvers<void>();
  let holding = 1;
  site.beforeApply(async () => {
    if (holding-- > 0) await held.promise;
  });
  hub.commit(row(3, "a"));
  await systemClock.sleep(50);
  hub.refusing = 401;
  const asked = hub.requests.length;
  hub.hangUp();
  await until(() => hub.requests.length > asked, "the refusal");
  hub.refusing = undefined;
  hub.commit(row(4, "a"));
  await systemClock.sleep(1_000);
  held.resolve();
  await until(() => site.shown.get("a") === 4, "the newest row");
  expect(site.batches.map(({ position }) => position)).toEqual(["2_0", "3_0", "4_0"]);

  held = Promise.withResolvers<void>();
  holding = 1;
  hub.commit(row(5, "a"));
  await systemClock.sleep(600);
  const closed = site.follower.close();
  setTimeout(() => held.resolve(), 50);
  await closed;
  expect(site.shown.get("a")).toBe(5);
});

const scope = "site:site-0000000a";
const change = (value: object, operation = "insert") => ({ key: "k", headers: { operation }, value }) as never;

test.each<[string, never, object]>([
  ["a row", change({ kind: "host", id: "h", seq: "7", body: "{}", scope }), { is: "change", change: { seq: 7 } }],
  ["a deletion", change({ kind: "host", id: "h", scope }, "delete"), { is: "change", change: { is: "gone" } }],
  ["a row without id", change({ kind: "host", seq: "7", body: "{}" }), { is: "malformed" }],
  ["a row without kind", change({ id: "h", seq: "7", body: "{}" }), { is: "malformed" }],
  ["a row without body", change({ kind: "host", id: "h", seq: "7" }), { is: "malformed" }],
  ["a row whose seq is no number", change({ kind: "host", id: "h", seq: "x", body: "{}" }), { is: "malformed" }],
  [
    "a row of another scope",
    change({ kind: "host", id: "h", seq: "7", body: "{}", scope: "site:b" }),
    { is: "malformed" },
  ],
  [
    "an up-to-date with the hub's signature",
    { headers: { control: "up-to-date", global_last_seen_lsn: "7", receipt: "signed", receipt_seq: "7" } } as never,
    { is: "up-to-date", lastSeen: "7", receipt: { seq: 7, receipt: "signed" } },
  ],
  ...[{ receipt: "signed" }, { receipt_seq: "7" }, { receipt: "s".repeat(257), receipt_seq: "7" }].map(
    (signed): [string, never, object] => [
      `an up-to-date with ${Object.keys(signed)} that is none`,
      { headers: { control: "up-to-date", ...signed } } as never,
      { is: "up-to-date", receipt: undefined },
    ],
  ),
  ["a control message of a later version", { headers: { control: "snapshot-end" } } as never, { is: "other" }],
])("%s is read as what it is", (_what, message, expected) => {
  expect(readMessage(message, scope)).toMatchObject(expected);
});

test.each([
  ["3_0", "4_0", "3_0"],
  ["10_0", "9_0", "9_0"],
  ["5_2", "5_1", "5_1"],
])("of %s and %s the lower position is %s", (one, other, lower) => {
  expect(lowerPosition(one, other)).toBe(lower);
});
