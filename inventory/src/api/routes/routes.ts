import { KINDS } from "@holdfast/protocol";
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
import { LOCATION_COMPONENTS, locations } from "./locations.ts";
import { resourceRoutes } from "./resource-routes.ts";
import type { Route } from "./route.ts";

export interface RoutesParts {
  readonly resources: Resources;
  readonly clock: Pick<Clock, "now">;
  readonly conflicts?: Conflicts;
  readonly commands?: Commands;
  readonly holds?: Holds;
}

/** Every operation of a project. */
export function projectRoutes({ resources, clock, conflicts, commands, holds }: RoutesParts): Route[] {
  return [
    ...hostActions(resources),
    ...hostSummary(resources),
    ...instanceActions(resources),
    ...locations(resources),
    ...(conflicts ? conflictRoutes(resources, conflicts) : []),
    ...(commands ? commandRoutes(resources, commands, clock) : []),
    ...(holds ? holdRoutes(resources, holds) : []),
    ...KINDS.flatMap((kind) => resourceRoutes(kind, resources)),
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
    ...CONFLICT_COMPONENTS,
    ...COMMAND_COMPONENTS,
    ...HOLD_COMPONENTS,
  };
}
