import { expect, test } from "vitest";
import { ConnectionCount } from "./connection-count.ts";

test("connections are counted in all and from each address, and what is refused is not counted", () => {
  const count = new ConnectionCount({ connections: 3, connectionsPerAddress: 2 });
  expect([count.enter("a"), count.enter("a"), count.enter("a")]).toEqual([
    undefined,
    undefined,
    "too many connections from this address",
  ]);
  expect([count.enter("b"), count.enter("b")]).toEqual([undefined, "too many connections"]);
  count.leave("a");
  expect(count.enter("a")).toBeUndefined();
});

test("connections without an address count in all only", () => {
  const count = new ConnectionCount({ connections: 3, connectionsPerAddress: 1 });
  expect([1, 2, 3, 4].map(() => count.enter(undefined))).toEqual([
    undefined,
    undefined,
    undefined,
    "too many connections",
  ]);
  count.leave(undefined);
  expect(count.enter("a")).toBeUndefined();
});
