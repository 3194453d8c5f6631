import { Type } from "typebox";
import { enumeration, kind, operator, reference } from "./kind.ts";
import { Name } from "./values.ts";

export const ScheduleStatus = enumeration("ScheduleStatus", [
  "SCHEDULE_STATUS_UNSPECIFIED",
  "SCHEDULE_STATUS_MAINTENANCE",
  "SCHEDULE_STATUS_OS_UPDATE",
]);

/** Seconds since the epoch. */
const Time = Type.Integer({ minimum: 1, maximum: 4_294_967_295 });

/** What a schedule is for, and exactly one of host, site and region that it is about: it is deleted with that. */
const SCHEDULE = {
  name: operator(Name, { initial: "" }),
  scheduleStatus: operator(ScheduleStatus, { required: true }),
  targetHostId: reference("host", {
    embedAs: "targetHost",
    maxLength: 13,
    pattern: "^$|^host-[0-9a-f]{8}$",
    goesAlong: true,
  }),
  targetSiteId: reference("site", {
    embedAs: "targetSite",
    maxLength: 13,
    pattern: "^$|^site-[0-9a-f]{8}$",
    goesAlong: true,
  }),
  targetRegionId: reference("region", {
    embedAs: "targetRegion",
    maxLength: 15,
    pattern: "^$|^region-[0-9a-f]{8}$",
    goesAlong: true,
  }),
};

/** A time set aside once, from a second to a second; without an end it lasts. */
export const SingleSchedule = kind({
  name: "single_schedule",
  prefix: "singlesche",
  schemaName: "SingleScheduleResource",
  aliasIds: ["singleScheduleID"],
  follows: "targetHostId",
  atSites: true,
  fields: {
    ...SCHEDULE,
    startSeconds: operator(Time, { required: true }),
    endSeconds: operator(Time),
  },
  rest: {
    collections: ["schedules/single", "compute/schedules/single"],
    listKey: "singleSchedules",
    plural: "SingleSchedules",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});

/** A time set aside again and again: at each minute that all of the cron fields name, for so many seconds. */
export const RepeatedSchedule = kind({
  name: "repeated_schedule",
  prefix: "repeatedsche",
  schemaName: "RepeatedScheduleResource",
  aliasIds: ["repeatedScheduleID"],
  follows: "targetHostId",
  atSites: true,
  fields: {
    ...SCHEDULE,
    durationSeconds: operator(Type.Integer({ minimum: 1, maximum: 86_400 }), { required: true }),
    cronMinutes: operator(Type.String({ pattern: "^([*]|([0-9]|([1-5][0-9]))((,([0-9]|([1-5][0-9])))*))$" }), {
      required: true,
    }),
    cronHours: operator(Type.String({ pattern: "^([*]|([0-9]|1[0-9]|2[0-3])((,([0-9]|1[0-9]|2[0-3]))*))$" }), {
      required: true,
    }),
    cronDayMonth: operator(
      Type.String({ pattern: "^([*]|([1-9]|([12][0-9])|3[01])((,([1-9]|([12][0-9])|3[01]))*))$" }),
      { required: true },
    ),
    cronMonth: operator(Type.String({ pattern: "^([*]|([1-9]|1[012])((,([1-9]|1[012]))*))$" }), { required: true }),
    cronDayWeek: operator(Type.String({ pattern: "^([*]|([0-6])((,([0-6]))*))$" }), { required: true }),
    timezone: operator(
      Type.String({ maxLength: 64, description: "the IANA time zone that the cron fields are read in" }),
      {
        initial: "UTC",
      },
    ),
  },
  rest: {
    collections: ["schedules/repeated", "compute/schedules/repeated"],
    listKey: "repeatedSchedules",
    plural: "RepeatedSchedules",
    operations: ["list", "create", "get", "put", "patch", "delete"],
  },
});
