import { Host } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { columnsOf } from "./columns.ts";

const status = (host: object) => columnsOf(Host).STATUS?.({ ...host });

test("the status of a machine tells how old it is, and of a silent site's since when it is unknown", () => {
  expect(status({ hostStatus: "Running", observation: { ageSeconds: 190, stale: false } })).toBe("Running (3m ago)");
  const unknown = "Unknown since 2026-11-23T20:00:00Z (its site is silent)";
  expect(status({ hostStatus: unknown, observation: { ageSeconds: 190, stale: true } })).toBe(unknown);
  expect(status({ hostStatus: "Not Connected" })).toBe("Not Connected");
});
