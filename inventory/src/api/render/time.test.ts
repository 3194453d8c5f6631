import { expect, test } from "vitest";
import { rfc3339 } from "./time.ts";

test("a time is shown to the millisecond, whichever was shown before", () => {
  const times = [
    0, 7, 999, 1_000, 1_790_000_000_123, 1_790_000_000_124, 1_790_000_001_000, 999, -1, -1_000, 253_402_300_799_999,
  ];
  for (const time of times) expect(rfc3339(time)).toBe(new Date(time).toISOString());
});
