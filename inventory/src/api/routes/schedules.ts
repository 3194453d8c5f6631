import { SCHEDULES } from "../../schedules/active.ts";
import { type Components, componentRef } from "../openapi/components.ts";
import { LIST_QUERY } from "../query.ts";
import type { Resources } from "../resources.ts";
import type { Route } from "./route.ts";
import { listAllSchedules, SCHEDULE_QUERY } from "./schedule-lists.ts";

const keys = SCHEDULES.map(({ rest, schemaName }) => [rest?.listKey ?? "", schemaName] as const);

export const SCHEDULE_COMPONENTS: Components = {
  ListSchedulesResponse: {
    type: "object",
    properties: {
      ...Object.fromEntries(keys.map(([key, schema]) => [key, { type: "array", items: componentRef(schema) }])),
      totalElements: { type: "integer", format: "int32" },
      hasNext: { type: "boolean" },
    },
    required: [...keys.map(([key]) => key), "totalElements", "hasNext"],
    additionalProperties: false,
  },
};

/** Schedules of both kinds in one list. */
export function schedules(resources: Resources): Route[] {
  return ["schedules", "compute/schedules"].map((path, index) => ({
    method: "GET",
    path,
    tag: "Schedules",
    operationId: `ListSchedules${index === 0 ? "" : index + 1}`,
    summary: "The single schedules of a project, then the repeated ones, by page",
    query: { pageSize: LIST_QUERY.pageSize, offset: LIST_QUERY.offset, ...SCHEDULE_QUERY },
    response: "ListSchedulesResponse",
    handle: (call) => listAllSchedules(resources, call),
  }));
}
