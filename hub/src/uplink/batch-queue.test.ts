import { expect, test } from "vitest";
import { createBatchQueue, type Urgency } from "./batch-queue.ts";

test("batches are taken one at a time, those of live sites before backlogs, each sort in its order", async () => {
  const queue = createBatchQueue({ giveWay: async () => undefined });
  const begun: string[] = [];
  let running = 0;
  const send = (urgency: Urgency, name: string) =>
    queue.run(urgency, async () => {
      begun.push(name);
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return name;
    });
  const answers = Promise.all([send("backlog", "a"), send("backlog", "b"), send("live", "c"), send("live", "d")]);
  expect(await answers).toEqual(["a", "b", "c", "d"]);
  // The first was alone when it came.
  expect(begun).toEqual(["a", "c", "d", "b"]);
});

test("a batch that fails keeps nobody waiting", async () => {
  const queue = createBatchQueue({ giveWay: async () => undefined });
  const failing = queue.run("live", async () => {
    throw new Error("not this one");
  });
  const other = queue.run("live", async () => "taken");
  await expect(failing).rejects.toThrow("not this one");
  expect(await other).toBe("taken");
  expect(await queue.run("backlog", async () => "later")).toBe("later");
});
