import { expect, test } from "vitest";
import { BATCHES_A_TURN, createSlots, SMALL_BATCH } from "./slots.ts";

const LARGE = SMALL_BATCH + 1;

function slotsOf(count: number, random = () => 0.5) {
  const clock = { time: 0, monotonic: () => clock.time };
  return { clock, slots: createSlots({ count, clock, random }) };
}

test("so many sites drain at once, and the next is told when to come back", () => {
  const { slots } = slotsOf(2);
  expect(slots.enter("a", LARGE).taken).toBe(true);
  expect(slots.enter("b", LARGE).taken).toBe(true);
  expect(slots.enter("c", LARGE)).toEqual({ taken: false, retryAfter: expect.any(Number) });
});

test("a site that drains keeps its slot from batch to batch", () => {
  const { clock, slots } = slotsOf(1);
  for (let batch = 0; batch < 5; batch += 1) {
    const turn = slots.enter("a", LARGE);
    expect(turn.taken).toBe(true);
    clock.time += 9_000;
    if (turn.taken) turn.done("more");
    expect(slots.enter("b", LARGE).taken).toBe(false);
  }
});

test("small batches always pass", () => {
  const { slots } = slotsOf(1);
  slots.enter("a", LARGE);
  expect(slots.enter("b", SMALL_BATCH).taken).toBe(true);
});

test("a site whose batches are small again, or that fell silent, leaves its slot to another", () => {
  const { clock, slots } = slotsOf(1);
  const first = slots.enter("a", LARGE);
  if (first.taken) first.done("more");
  slots.enter("a", SMALL_BATCH);
  const second = slots.enter("b", LARGE);
  expect(second.taken).toBe(true);
  if (second.taken) second.done("more");
  clock.time += 10_000;
  expect(slots.enter("c", LARGE).taken).toBe(true);
});

test("a batch that is still being taken keeps the slot, however long that lasts", () => {
  const { clock, slots } = slotsOf(1);
  const first = slots.enter("a", LARGE);
  clock.time += 100_000;
  slots.enter("a", 10);
  expect(slots.enter("b", LARGE).taken).toBe(false);
  if (first.taken) first.done("more");
  clock.time += 10_000;
  expect(slots.enter("b", LARGE).taken).toBe(true);
});

test("the more wait, the later they are told to come back, each at a time of its own and none after minutes", () => {
  let draws = 0;
  const random = () => {
    draws += 1;
    return (draws % 10) / 10;
  };
  const { slots } = slotsOf(1, random);
  slots.enter("a", LARGE);
  const waits = Array.from({ length: 1_000 }, (_, at) => {
    const turn = slots.enter(`site-${at}`, LARGE);
    return turn.taken ? 0 : turn.retryAfter;
  });
  expect(new Set(waits.slice(-10)).size).toBe(10);
  expect(Math.max(...waits)).toBeLessThanOrEqual(122);
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(2);
  expect(Math.max(...waits.slice(0, 10))).toBeLessThan(Math.max(...waits.slice(-10)));
});

test("the more may drain at once, the sooner the others are told to come back", () => {
  const longestWait = (count: number) => {
    const { slots } = slotsOf(count, () => 0.99);
    for (let site = 0; site < count + 7; site += 1) slots.enter(`site-${site}`, LARGE);
    return slots.enter("last", LARGE).retryAfter;
  };
  // Eight wait behind one, each for ten seconds, or by fours behind four.
  expect([longestWait(1), longestWait(4)]).toEqual([84, 24]);
});

test("a site whose last batch was not full leaves its slot with it", () => {
  const { slots } = slotsOf(1);
  const first = slots.enter("a", LARGE);
  if (first.taken) first.done("nothing");
  expect(slots.enter("b", LARGE).taken).toBe(true);
});

test("the longest backlog makes room after some batches when others wait, and comes back after them", () => {
  const { clock, slots } = slotsOf(1);
  const send = (site: string) => {
    clock.time += 100;
    const turn = slots.enter(site, LARGE);
    if (turn.taken) turn.done("more");
    return turn;
  };
  for (let batch = 0; batch < 3 * BATCHES_A_TURN; batch += 1) expect(send("huge").taken).toBe(true);
  const waits = ["a", "b", "c"].map((site) => send(site).retryAfter ?? 0);
  const comesBack = send("huge").retryAfter;
  expect(comesBack).toBeGreaterThan(Math.max(...waits));
  for (const site of ["a", "b", "c"]) {
    const turn = slots.enter(site, LARGE);
    if (turn.taken) turn.done("nothing");
    expect(turn.taken).toBe(true);
  }
  for (let batch = 0; batch < 3 * BATCHES_A_TURN; batch += 1) expect(send("huge").taken).toBe(true);
});

test("the sooner sites are done, the sooner the others are told to come back", () => {
  const longestWait = (held: number) => {
    const { clock, slots } = slotsOf(1, () => 0.99);
    for (let site = 0; site < 50; site += 1) {
      const turn = slots.enter(`site-${site}`, LARGE);
      clock.time += held;
      if (turn.taken) turn.done("nothing");
    }
    slots.enter("draining", LARGE);
    for (let site = 0; site < 10; site += 1) slots.enter(`waiting-${site}`, LARGE);
    return slots.enter("waiting", LARGE).retryAfter;
  };
  expect(longestWait(9_000)).toBeGreaterThan(60);
  expect(longestWait(200)).toBeLessThan(20);
});
