import { isKept, KINDS } from "@holdfast/protocol";
import type { Clock } from "@holdfast/runtime";
import type { Commands } from "../commands.ts";
import type { Conflicts } from "../conflicts.ts";
import type { Holds } from "../holds.ts";
import { type Components, resourceComponents } from "../openapi/components.ts";
import type { Resources } from "../resources.ts";
import { COMMAND_COMPONENTS, commandRoutes } from "./command-routes.ts";
import { CONFLICT_COMPONENTS, conflictRoutes } from "./conflict-routes.ts";
import { HOLD_COMPONENTS, holdRoutes } from "./hold-routes.ts";
import { HOST_ACTION_COMPONENTS, hostActions } from "./host-actions.ts";
import { HOST_SUMMARY_COMPONENTS, hostSummary } from "./host-summary.ts";
import { INSTANCE_ACTION_COMPONENTS, instanceActions } from "./instance-actions.ts";
import { keptRoutes } from "./kept-routes.ts";
import { LOCATION_COMPONENTS, locations } from "./locations.ts";
import { PROJECT_COMPONENTS } from "./project-routes.ts";
import { resourceRoutes } from "./resource-routes.ts";
import type { Route } from "./route.ts";
import { SCHEDULE_COMPONENTS, schedules } from "./schedules.ts";

export interface RoutesParts {
  readonly resources: Resources;
  readonly clock: Pick<Clock, "now">;
  readonly conflicts?: Conflicts;
  readonly commands?: Commands;
  readonly holds?: Holds;
}

/** The operations of a project that the API has which this one stands in for. */
export function contractRoutes(resources: Resources): Route[] {
  return [
    ...hostActions(resources),
    ...hostSummary(resources),
    ...instanceActions(resources),
    ...locations(resources),
    ...schedules(resources),
    ...KINDS.flatMap((kind) => resourceRoutes(kind, resources)),
  ];
}

/** Those that it has beside them. */
export function ownRoutes({ resources, clock, conflicts, commands, holds }: RoutesParts): Route[] {
  return [
    ...KINDS.filter(isKept).flatMap((kind) => keptRoutes(kind, resources)),
    ...(conflicts ? conflictRoutes(resources, conflicts) : []),
    ...(commands ? commandRoutes(resources, commands, clock) : []),
    ...(holds ? holdRoutes(resources, holds) : []),
  ];
}

/** Every schema that the operations refer to. */
export function projectComponents(): Components {
  return {
    ...resourceComponents(),
    ...HOST_ACTION_COMPONENTS,
    ...HOST_SUMMARY_COMPONENTS,
    ...INSTANCE_ACTION_COMPONENTS,
    ...LOCATION_COMPONENTS,
    ...SCHEDULE_COMPONENTS,
    ...CONFLICT_COMPONENTS,
    ...COMMAND_COMPONENTS,
    ...HOLD_COMPONENTS,
    ...PROJECT_COMPONENTS,
  };
}
