import { expect, test } from "vitest";
import { atLeast, atMost, type Row, underLimit } from "./benchmark.ts";
import { jsonOf, lineOf } from "./shown.ts";

const row: Row = {
  ...{ name: "reads", what: "reads of hosts", unit: "requests/s", value: 1_400, more: "0.5 ms CPU each" },
  ...{ peer: "bare server", peerValue: 2_000, ratio: 0.7 },
};

test("a row holds when its ratio is on the right side of its goal, and at it", () => {
  const verdict = (goal: Partial<Row>) => jsonOf({ ...row, ...goal }).holds;
  expect(verdict({ goal: atLeast(0.7) })).toBe(true);
  expect(verdict({ goal: atLeast(0.71) })).toBe(false);
  expect(verdict({ goal: atMost(0.7) })).toBe(true);
  expect(verdict({ goal: atMost(0.69) })).toBe(false);
  expect(verdict({})).toBe(null);
  expect(verdict({ goal: atLeast(0.7), ratio: Number.NaN })).toBe(false);
});

test("as JSON a row has numbers in its unit, and says from which side its goal bounds the ratio", () => {
  expect(jsonOf({ ...row, goal: atLeast(0.7) })).toMatchObject({
    ...{ name: "reads", value: 1_400, unit: "requests/s", peer: "bare server", peerValue: 2_000 },
    ...{ ratio: 0.7, goal: 0.7, direction: "at least", holds: true },
  });
  expect(jsonOf(row)).toMatchObject({ goal: null, direction: null, holds: null });
});

test("a limit is a peer of which there should be at most as much", () => {
  const memory = underLimit({ name: "memory", what: "memory", unit: "MB", value: 300, limit: 256 });
  expect(jsonOf(memory)).toMatchObject({ value: 300, peer: "limit", peerValue: 256, goal: 1, holds: false });
  expect(lineOf(memory)).toBe("| `memory` | memory | 300 MB | limit: 256 MB | 1.17 | ≤ 1 | **missed** |");
});

test("as a line a row has figures with their units, and what else was seen", () => {
  const cells =
    "reads of hosts | 1,400 requests/s; 0.5 ms CPU each | bare server: 2,000 requests/s | 0.7 | ≥ 0.7 | met";
  expect(lineOf({ ...row, goal: atLeast(0.7) })).toBe(`| \`reads\` | ${cells} |`);
});
