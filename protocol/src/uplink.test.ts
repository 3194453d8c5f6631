import { expect, test } from "vitest";
import { batchHash, LANES, laneOf, type UplinkEntry } from "./uplink.ts";

const batch = { stream: { epoch: "e", incarnation: 1 }, first: 1, previous: "", entries: [{ type: "event", n: 1 }] };

test("a batch's hash depends on everything that the chain must notice", () => {
  const same = batchHash(batch);
  expect(batchHash(structuredClone(batch))).toBe(same);
  const others = [
    { ...batch, first: 2 },
    { ...batch, previous: "x" },
    { ...batch, entries: [] },
    { ...batch, stream: { epoch: "f", incarnation: 1 } },
    { ...batch, stream: { epoch: "e", incarnation: 2 } },
  ];
  for (const other of others) expect(batchHash(other)).not.toBe(same);
});

test("what a restored hub must learn goes before outcomes, outcomes before intents, intents before state, state before events", () => {
  const types = ["replica-row", "release", "create", "state", "event"] as const;
  const order = types.map((type) => LANES[laneOf({ type } as UplinkEntry)]);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(new Set(order).size).toBe(types.length);
});
