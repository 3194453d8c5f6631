import { describe, expect, test } from "vitest";
import { isTimezone, nextOccurrence, occurrenceAt, type Repeating } from "./occurrences.ts";

const time = (text: string) => Date.parse(text);

/** Minutes, hours, day of the month, month, day of the week. */
function repeating(cron: string, timezone?: string, durationSeconds = 3_600): Repeating {
  const [cronMinutes = "", cronHours = "", cronDayMonth = "", cronMonth = "", cronDayWeek = ""] = cron.split(" ");
  const fields = { cronMinutes, cronHours, cronDayMonth, cronMonth, cronDayWeek, durationSeconds };
  return { ...fields, ...(timezone === undefined ? {} : { timezone }) };
}

function begins(of: Repeating, after: string, count: number): string[] {
  const found: string[] = [];
  for (let at: number | undefined = time(after); at !== undefined && found.length < count; ) {
    at = nextOccurrence(of, at)?.begin;
    if (at !== undefined) found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

describe("a repeated schedule begins", () => {
  test("at each minute that all of its fields name, in UTC unless it names a zone", () => {
    expect(begins(repeating("0,30 22 * * 1,5"), "2026-11-23T12:00:00Z", 4)).toEqual([
      "2026-11-23T22:00",
      "2026-11-23T22:30",
      "2026-11-27T22:00",
      "2026-11-27T22:30",
    ]);
    expect(begins(repeating("0 22 * * *", "Europe/Oslo"), "2026-11-23T12:00:00Z", 1)).toEqual(["2026-11-23T21:00"]);
  });

  test("at the same time of day in its zone the year round", () => {
    const night = repeating("0 2 * * *", "America/New_York");
    expect(begins(night, "2026-03-06T12:00:00Z", 4)).toEqual([
      "2026-03-07T07:00",
      "2026-03-08T07:00",
      "2026-03-09T06:00",
      "2026-03-10T06:00",
    ]);
  });

  test("when clocks are set forward over its time, the moment after; when they show it twice, once", () => {
    const night = repeating("30 2 * * *", "Europe/Oslo");
    expect(begins(night, "2026-03-28T12:00:00Z", 2)).toEqual(["2026-03-29T01:00", "2026-03-30T00:30"]);
    expect(begins(night, "2026-10-24T12:00:00Z", 2)).toEqual(["2026-10-25T00:30", "2026-10-26T01:30"]);
  });

  test("on the days of its zone's months: the first there may be the last of the month before in UTC", () => {
    const first = repeating("30 0 1 * *", "Asia/Tokyo");
    expect(begins(first, "2026-01-15T00:00:00Z", 4)).toEqual([
      "2026-01-31T15:30",
      "2026-02-28T15:30",
      "2026-03-31T15:30",
      "2026-04-30T15:30",
    ]);
    const last = repeating("30 23 31 * *", "America/Los_Angeles");
    expect(begins(last, "2026-01-15T00:00:00Z", 3)).toEqual([
      "2026-02-01T07:30",
      "2026-04-01T06:30",
      "2026-06-01T06:30",
    ]);
    expect(begins(repeating("0 0 29 2 *", "Pacific/Kiritimati"), "2026-01-15T00:00:00Z", 2)).toEqual([
      "2028-02-28T10:00",
      "2032-02-28T10:00",
    ]);
  });

  test("on either of its days when both the month's and the week's are numbers", () => {
    expect(begins(repeating("0 0 13 * 5"), "2026-01-01T00:00:00Z", 3)).toEqual([
      "2026-01-02T00:00",
      "2026-01-09T00:00",
      "2026-01-13T00:00",
    ]);
  });

  test("never, when there is no such day", () => {
    expect(nextOccurrence(repeating("0 0 30 2 *"), time("2026-01-15T00:00:00Z"))).toBeUndefined();
  });
});

describe("a moment", () => {
  const night = repeating("0 22 31 * *", "Europe/Oslo", 7_200);

  test.each([
    ["2026-12-31T20:59:59.999Z", false],
    ["2026-12-31T21:00:00.000Z", true],
    ["2026-12-31T22:59:59.999Z", true],
    ["2026-12-31T23:00:00.000Z", false],
    ["2026-07-31T20:00:00.000Z", true],
  ])("%s is in the last evening of a month in Oslo: %s", (at, isIn) => {
    const found = occurrenceAt(night, time(at));
    expect(found !== undefined).toBe(isIn);
    if (found) expect(found.end - found.begin).toBe(7_200_000);
  });

  test("is in the first of those that overlap", () => {
    const overlapping = repeating("0 * * * *", "UTC", 7_200);
    expect(occurrenceAt(overlapping, time("2026-01-01T03:30:00Z"))?.begin).toBe(time("2026-01-01T02:00:00Z"));
  });
});

test.each([
  ["Europe/Oslo", true],
  ["UTC", true],
  ["US/Pacific", true],
  ["Europe/Atlantis", false],
  ["+02:00", false],
  ["", false],
  ["Europe/Oslo; rm", false],
])("%j is a time zone: %s", (name, isOne) => {
  expect(isTimezone(name)).toBe(isOne);
});
