import { expect, test } from "vitest";
import { judgeAccess } from "./judge.ts";

const DAY = 86_400;
const HEARD = 1_800_000_000_000;
const grant = { notAfter: null, offlineSeconds: 90 * DAY };

test.each<[string, Parameters<typeof judgeAccess>[0], number, RegExp | undefined]>([
  ["a token without end, the hub just heard", grant, 0, undefined],
  ["on the last moment of its grant", grant, 90 * DAY * 1_000, undefined],
  [
    "a moment later",
    grant,
    90 * DAY * 1_000 + 1,
    /good for 90 days without the hub, .* last heard at 2027-01-15T08:00/,
  ],
  ["a moment before it expires", { ...grant, notAfter: HEARD + 5 }, 4, undefined],
  ["on the moment it expires", { ...grant, notAfter: HEARD + 5 }, 5, /has expired/],
  ["a grant of a day", { ...grant, offlineSeconds: DAY }, DAY * 1_000 + 1, /good for 1 day without/],
  ["a grant of an hour", { ...grant, offlineSeconds: 3_600 }, 3_600_001, /good for 3600 seconds without/],
])("%s (rule 6)", (_what, row, after, refused) => {
  const why = judgeAccess(row, { now: HEARD + after, hubHeardAt: HEARD });
  if (refused) expect(why).toMatch(refused);
  else expect(why).toBeUndefined();
});

test("a site that never heard its hub lets nobody in", () => {
  expect(judgeAccess(grant, { now: HEARD, hubHeardAt: undefined })).toMatch(/never heard its hub/);
});
