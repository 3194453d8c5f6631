import fc from "fast-check";
import { expect, test } from "vitest";
import { fullJitter } from "./backoff.ts";

test("waits stay below a ceiling that doubles up to the most", () => {
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const wait = fullJitter(failures, { first: 1_000, most: 300_000 }, () => random);
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThanOrEqual(Math.min(300_000, 1_000 * 2 ** failures));
    }),
  );
});
