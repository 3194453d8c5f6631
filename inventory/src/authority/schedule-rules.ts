import type { FieldsOf, SingleSchedule } from "@holdfast/protocol";
import { seconds } from "@holdfast/runtime";
import { isTimezone } from "../schedules/occurrences.ts";
import { FieldFault } from "../store/faults.ts";
import type { Rule } from "./kind-rules.ts";
import { oneTargetOf } from "./one-target.ts";

export const oneTargetOfSchedule = oneTargetOf(["targetHostId", "targetSiteId", "targetRegionId"]);

/** A single schedule begins in the future and ends after it has begun. What was made at a site earlier was future there. */
export const futureAndForward: Rule = (_view, { after, changes, now }) => {
  const { startSeconds = 0, endSeconds } = after.fields as FieldsOf<typeof SingleSchedule>;
  if (changes.startSeconds !== undefined && now !== undefined && seconds(startSeconds) <= now) {
    throw new FieldFault("InvalidArgument", ["startSeconds"], "startSeconds: must be in the future");
  }
  if (endSeconds !== undefined && endSeconds <= startSeconds) {
    throw new FieldFault("InvalidArgument", ["endSeconds"], "endSeconds: must be after startSeconds");
  }
};

/** The zone that cron fields are read in is one that there is. */
export const knownTimezone: Rule = (_view, { changes }) => {
  const { timezone } = changes;
  if (typeof timezone !== "string" || isTimezone(timezone)) return;
  throw new FieldFault("InvalidArgument", ["timezone"], "timezone: is none of the IANA time zone database");
};
