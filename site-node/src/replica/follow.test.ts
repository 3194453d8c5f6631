import { silentLog, systemClock } from "@holdfast/runtime";
import { afterEach, expect, test } from "vitest";
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
function following(hub: ShapeHub, start?: { handle: string; position: string }) {
  hubs += 1;
  let stored = start;
  const batches: FeedBatch[] = [];
  const shown = new Map<string, number>();
  let before: () => Promise<void> = async () => undefined;
  const follower = follow({
    scope: hub.scope,
    // A host of its own: the client keeps what it learnt of a shape under its address.
    hubUrl: `http://hub-${hubs}.test`,
    headers: () => ({ authorization: "Bearer t" }),
    ...{ fetch: hub.fetch, clock: systemClock, log: silentLog },
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
    ...{ follower, batches, shown, unreadable },
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
