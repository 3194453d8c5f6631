import { CONTACT_EVERY } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { type Heard, type Hearing, hearing, SILENT_AFTER } from "./silence.ts";

const HOUR = 3_600_000;
const NOTHING: Heard = { received: undefined, closed: undefined, open: 0, protocol: undefined, before: undefined };

/** `at` is shown by a clock that runs beside the one that measures. */
const moment = (ms: number) => ({ at: 1_000_000_000 + ms, monotonic: ms });
const heard = (ms: number): Hearing => ({ is: "heard", at: moment(ms).at });
const silent = (ms: number): Hearing => ({ is: "silent", since: moment(ms).at });

test.each<[string, Partial<Heard>, number, Hearing]>([
  ["a site of which nothing is known was never heard", {}, HOUR, { is: "never-heard" }],
  ["one that was turned away only was never heard", { protocol: 9 }, HOUR, { is: "never-heard" }],
  ["one that was heard before the start is silent since then", { before: 7 }, 1, { is: "silent", since: 7 }],
  ["until it says something", { before: 7, received: moment(1) }, 2, heard(1)],
  ["one that has just said something is heard", { received: moment(0) }, SILENT_AFTER, heard(0)],
  ["and silent since then half a minute later", { received: moment(0) }, SILENT_AFTER + 1, silent(0)],
  ["one that holds a request open is heard now", { received: moment(0), open: 1 }, 2 * SILENT_AFTER, heard(60_000)],
  ["one that let go just now is heard", { received: moment(0), closed: moment(60_000) }, 90_000, heard(60_000)],
  ["and silent since then", { received: moment(0), closed: moment(60_000) }, 90_001, silent(60_000)],
  ["what it said later counts", { received: moment(70_000), closed: moment(60_000) }, 90_001, heard(70_000)],
  [
    "a request held open proves nothing when three contacts are missing",
    { received: moment(0), open: 2, protocol: 2 },
    3 * CONTACT_EVERY + 1,
    silent(0),
  ],
  ["two may be missing", { received: moment(0), open: 2, protocol: 2 }, 3 * CONTACT_EVERY, heard(3 * CONTACT_EVERY)],
  [
    "a site of version 1 never says that it is there: an open request is all there is (rule 23)",
    { received: moment(0), open: 1, protocol: 1 },
    HOUR,
    heard(HOUR),
  ],
])("%s", (_, known, now, expected) => {
  expect(hearing({ ...NOTHING, ...known }, moment(now))).toEqual(expected);
});
