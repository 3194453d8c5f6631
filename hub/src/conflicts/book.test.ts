import { Host } from "@holdfast/protocol";
import { hours } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { startTestHub } from "../hub-harness.ts";
import { newConflictId, open, strike } from "./book.ts";
import { rowsOf } from "./under-test.ts";

test("that a conflict was there and is over is remembered for a year", async () => {
  await using hub = await startTestHub();
  const about = { tenant: "t", kind: Host, resourceId: "host-00000001", field: "name" };
  const over = (at: number) =>
    hub.hub.store.write(async (tx) => {
      const row = await open(tx, about, { id: newConflictId(), at });
      await strike(tx, row, at);
      return row.id;
    });
  const year = hours(365 * 24);
  const first = await over(1_000);
  const second = await over(year);
  const remembered = async () => (await rowsOf(hub, "closed_conflict")).map(({ id }) => id);
  expect(new Set(await remembered())).toEqual(new Set([first, second]));
  const third = await over(1_001 + year);
  expect(new Set(await remembered())).toEqual(new Set([second, third]));
});
