import type { FieldsOf, RepeatedSchedule } from "@holdfast/protocol";
import { seconds } from "@holdfast/runtime";
import { Cron } from "croner";

/** What says when a repeated schedule begins, and for how long it lasts. */
export type Repeating = Pick<
  FieldsOf<typeof RepeatedSchedule>,
  "cronMinutes" | "cronHours" | "cronDayMonth" | "cronMonth" | "cronDayWeek" | "durationSeconds" | "timezone"
>;

/** A time that is set aside, milliseconds since the epoch: from its begin up to and without its end. */
export interface Occurrence {
  readonly begin: number;
  readonly end: number;
}

/** Whether a name is one of the time zones of the IANA database that this Node knows, in whatever case. */
export function isTimezone(name: string): boolean {
  // Offsets such as +02:00 are taken by Intl, too (ECMA-402 §6.5.1), and know no daylight saving.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/**
 * The first occurrence that begins after a time, milliseconds since the epoch; undefined when there is none. The cron fields
 * are read on the clocks of the schedule's zone: when those are set forward over a time, it counts as the moment after; what
 * they show twice counts once, where its hour is named. When both day fields are numbers, either is enough (crontab(5)).
 */
export function nextOccurrence(repeating: Repeating, after: number): Occurrence | undefined {
  const { cronMinutes, cronHours, cronDayMonth, cronMonth, cronDayWeek, durationSeconds = 0, timezone } = repeating;
  const pattern = [cronMinutes, cronHours, cronDayMonth, cronMonth, cronDayWeek].join(" ");
  const cron = new Cron(pattern, { timezone: timezone ?? "UTC", mode: "5-part", paused: true });
  const begin = cron.nextRun(new Date(after))?.getTime();
  return begin === undefined ? undefined : { begin, end: begin + seconds(durationSeconds) };
}

/** The occurrence that a moment is in, the first of several; undefined when it is in none. */
export function occurrenceAt(repeating: Repeating, at: number): Occurrence | undefined {
  // Whole seconds, as occurrences are; the one that begins just then has begun.
  const moment = Math.floor(at / 1_000) * 1_000;
  const next = nextOccurrence(repeating, moment - seconds(repeating.durationSeconds ?? 0));
  return next && next.begin <= moment ? next : undefined;
}
