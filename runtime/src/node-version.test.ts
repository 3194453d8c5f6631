import { expect, test } from "vitest";
import { requireNode24 } from "./node-version.ts";

test("another Node than 24 is refused with what to do", () => {
  expect(() => requireNode24("20.20.2")).toThrow(/Node 20\.20\.2 runs this, 24 is needed/);
  expect(() => requireNode24("24.21.0")).not.toThrow();
});
