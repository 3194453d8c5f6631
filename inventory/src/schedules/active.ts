import { type FieldsOf, type Kind, RepeatedSchedule, type Resource, SingleSchedule } from "@holdfast/protocol";
import { seconds } from "@holdfast/runtime";
import { occurrenceAt } from "./occurrences.ts";

/** The kinds of schedules. */
export const SCHEDULES: readonly Kind[] = [SingleSchedule, RepeatedSchedule];

/**
 * Whether a moment, milliseconds since the epoch, is in a time that a schedule sets aside. One that cannot be read, for it came
 * from a version that knows more zones, is in none.
 */
export function isActive(kind: Kind, schedule: Pick<Resource, "fields">, at: number): boolean {
  return activityOf(kind, schedule, at) === "active";
}

/** The same, telling one that cannot be read from those that are in no such time. */
export function activityOf(
  kind: Kind,
  { fields }: Pick<Resource, "fields">,
  at: number,
): "active" | "idle" | "unreadable" {
  if (kind.name === SingleSchedule.name) {
    return isWithin(fields as FieldsOf<typeof SingleSchedule>, at) ? "active" : "idle";
  }
  try {
    return occurrenceAt(fields as FieldsOf<typeof RepeatedSchedule>, at) ? "active" : "idle";
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return "unreadable";
    throw error;
  }
}

function isWithin({ startSeconds, endSeconds }: FieldsOf<typeof SingleSchedule>, at: number): boolean {
  if (startSeconds === undefined || seconds(startSeconds) > at) return false;
  return endSeconds === undefined || at < seconds(endSeconds);
}
