import { type FeedScope, siteScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { isHandleOf, newHandle } from "./handle.ts";

const SCOPE: FeedScope = siteScope("site-0000000a");

test("a handle is of its scope in its epoch, of a fixed length, and no two are the same", () => {
  const [one, other] = [newHandle(SCOPE, "e-1"), newHandle(SCOPE, "e-1")];
  expect(one).toMatch(/^[0-9a-f]{24}-[0-9a-f]{16}$/);
  expect(one).not.toBe(other);
  expect([one, other].map((handle) => isHandleOf(handle, SCOPE, "e-1"))).toEqual([true, true]);
  expect(isHandleOf(one, SCOPE, "e-2")).toBe(false);
  expect(isHandleOf(one, siteScope("site-0000000b"), "e-1")).toBe(false);
});

test("what begins or ends otherwise is no handle", () => {
  const handle = newHandle(SCOPE, "e-1");
  const [prefix = "", random = ""] = handle.split("-");
  for (const made of [`${handle}0`, `${handle} `, `${prefix}-0${random}`, `${prefix}-`, prefix, `x${handle}`, ""]) {
    expect(isHandleOf(made, SCOPE, "e-1"), made).toBe(false);
  }
});
