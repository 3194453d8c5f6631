import { expect, test } from "vitest";
import { Lanes } from "./lanes.ts";

test("tasks of a lane run one after another, also after one that fails", async () => {
  const lanes = new Lanes();
  const order: string[] = [];
  const task =
    (name: string, fails = "") =>
    async () => {
      order.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} ends`);
      if (fails) throw new Error(fails);
    };
  const outcomes = await Promise.allSettled([lanes.run("a", task("1", "no")), lanes.run("a", task("2"))]);
  expect(order).toEqual(["1 begins", "1 ends", "2 begins", "2 ends"]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
});

test("a lane waits for no other, and is gone when its last task has ended", async () => {
  const lanes = new Lanes();
  let release = (): void => undefined;
  const stuck = lanes.run("a", () => new Promise<void>((resolve) => (release = resolve)));
  await lanes.run("b", async () => undefined);
  expect([lanes.depth("a"), lanes.depth("b")]).toEqual([1, 0]);
  await lanes.settled("b");
  release();
  await stuck;
  expect(lanes.depth("a")).toBe(0);
});
