import { expect, test, vi } from "vitest";
import { systemClock } from "./clock.ts";
import { silentLog } from "./log.ts";
import { checkAfter, type Reconciler, settled, startReconciler } from "./reconcile.ts";

const options = { clock: systemClock, log: silentLog, resyncEvery: 3_600_000 };

function reconciler(reconcile: Reconciler["reconcile"], ids: string[] = []): Reconciler {
  return { name: "test", list: async () => ids, reconcile };
}

test("everything is looked at once at the start", async () => {
  const seen: string[] = [];
  await using loop = disposable(
    startReconciler(
      reconciler(
        async (id) => {
          seen.push(id);
          return settled;
        },
        ["a", "b"],
      ),
      options,
    ),
  );
  await vi.waitFor(() => expect(seen.toSorted()).toEqual(["a", "b"]));
  await loop.it.idle();
});

test("a resource is never run twice at once, and a wake during a run causes one more", async () => {
  let [running, most, runs] = [0, 0, 0];
  const gate = Promise.withResolvers<void>();
  const run = async () => {
    runs += 1;
    most = Math.max(most, ++running);
    await gate.promise;
    running -= 1;
    return settled;
  };
  await using loop = disposable(startReconciler(reconciler(run), options));
  loop.it.wake("a");
  await vi.waitFor(() => expect(runs).toBe(1));
  for (let count = 0; count < 5; count++) loop.it.wake("a");
  gate.resolve();
  await loop.it.idle();
  expect({ most, runs }).toEqual({ most: 1, runs: 2 });
});

test("a run that throws is tried again until it does not", async () => {
  let runs = 0;
  const run = async () => {
    runs += 1;
    if (runs < 3) throw new Error("not yet");
    return settled;
  };
  const clock = { ...systemClock, sleep: async () => undefined };
  const slow = {
    ...clock,
    sleep: (ms: number, signal?: AbortSignal) => (ms > 100_000 ? systemClock.sleep(ms, signal) : clock.sleep()),
  };
  await using loop = disposable(startReconciler(reconciler(run), { ...options, clock: slow }));
  loop.it.wake("a");
  await vi.waitFor(() => expect(runs).toBe(3));
});

test("a verdict may ask for another look", async () => {
  let runs = 0;
  await using loop = disposable(
    startReconciler(
      reconciler(async () => (++runs < 3 ? checkAfter(1) : settled)),
      options,
    ),
  );
  loop.it.wake("a");
  await vi.waitFor(() => expect(runs).toBe(3));
});

test("one that waits is looked at again once, however often it was woken meanwhile", async () => {
  let runs = 0;
  const sleeping = new Set<PromiseWithResolvers<void>>();
  const clock = {
    ...systemClock,
    sleep: async (_: number, signal?: AbortSignal) => {
      const over = Promise.withResolvers<void>();
      signal?.addEventListener("abort", () => over.reject(signal.reason), { once: true });
      sleeping.add(over);
      await over.promise.finally(() => sleeping.delete(over));
    },
  };
  const waits = async () => {
    runs += 1;
    return checkAfter(5_000);
  };
  await using loop = disposable(startReconciler(reconciler(waits), { ...options, clock }));
  for (let count = 1; count <= 5; count++) {
    loop.it.wake("a");
    await vi.waitFor(() => expect(runs).toBe(count));
    await loop.it.idle();
  }
  // The slow timer, and one for what waits.
  expect(sleeping.size).toBe(2);
});

test("however many are due, others get their turn in between", async () => {
  let runs = 0;
  const before: number[] = [];
  await using loop = disposable(
    startReconciler(
      reconciler(async () => {
        if (runs % 100 === 0) setImmediate(() => before.push(runs));
        runs += 1;
        return settled;
      }),
      options,
    ),
  );
  for (let number = 0; number < 1_000; number += 1) loop.it.wake(`id-${number}`);
  await loop.it.idle();
  expect(runs).toBe(1_000);
  expect(before.length).toBeGreaterThan(1);
  expect(before[0]).toBeLessThan(500);
});

test("closing aborts what runs, waits for it, and nothing runs after", async () => {
  let [ended, runs] = [false, 0];
  const run = async (_id: string, signal: AbortSignal) => {
    runs += 1;
    await systemClock.sleep(60_000, signal).catch(() => undefined);
    ended = true;
    return settled;
  };
  const loop = startReconciler(reconciler(run), options);
  loop.wake("a");
  await vi.waitFor(() => expect(runs).toBe(1));
  await loop.close();
  expect(ended).toBe(true);
  loop.wake("a");
  await systemClock.sleep(5);
  expect(runs).toBe(1);
});

function disposable(it: ReturnType<typeof startReconciler>) {
  return { it, [Symbol.asyncDispose]: () => it.close() };
}
