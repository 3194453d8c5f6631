import { expect, test } from "vitest";
import { closeAll } from "./lifecycle.ts";

test("everything is closed, last first, whatever fails", async () => {
  const closed: string[] = [];
  const part = (name: string, error?: Error) => ({
    close: () => {
      closed.push(name);
      if (error) throw error;
    },
  });
  await expect(closeAll(part("a"), undefined, part("b", new Error("stuck")), part("c"))).rejects.toThrow("stuck");
  expect(closed).toEqual(["c", "b", "a"]);
});
