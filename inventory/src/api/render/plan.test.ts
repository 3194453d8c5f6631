import { Host, Instance, OsUpdatePolicy, SingleSchedule, Site } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { planOf } from "./plan.ts";

const shown = (kind: Parameters<typeof planOf>[0], name: string, value: unknown) =>
  planOf(kind)
    .find((field) => field.name === name)
    ?.show(value);

test("what stands for no value is left out where the document forbids it", () => {
  expect(shown(Host, "note", undefined)).toBeUndefined();
  expect(shown(Host, "note", "")).toBeUndefined();
  expect(shown(Host, "note", "stolen")).toBe("stolen");
  expect(shown(Host, "hostname", undefined)).toBe("");
  expect(shown(Instance, "osUpdatePolicyID", undefined)).toBeUndefined();
  expect(shown(Host, "siteId", undefined)).toBe("");
  expect(shown(SingleSchedule, "endSeconds", 0)).toBeUndefined();
  expect(shown(Site, "siteLat", undefined)).toBe(0);
});

test("an update policy without an operating system shows the empty text, for EIM's CLI reads it unasked", () => {
  expect(shown(OsUpdatePolicy, "targetOsId", undefined)).toBe("");
});

test("what is ours is absent while it is unknown, and shown when it is false", () => {
  expect(shown(Host, "uuidDerived", undefined)).toBeUndefined();
  expect(shown(Host, "uuidDerived", false)).toBe(false);
});
