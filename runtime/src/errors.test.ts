import { expect, test } from "vitest";
import { messageOf } from "./errors.ts";

test("an error is told with its causes, each once", () => {
  const error = new Error("opening the store", { cause: new Error("disk full", { cause: new Error("disk full") }) });
  expect(messageOf(error)).toBe("opening the store: disk full");
});
