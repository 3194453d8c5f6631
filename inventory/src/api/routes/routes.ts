import { KINDS } from "@holdfast/protocol";
import { type Components, resourceComponents } from "../openapi/components.ts";
import type { Resources } from "../resources.ts";
import { HOST_ACTION_COMPONENTS, hostActions } from "./host-actions.ts";
import { HOST_SUMMARY_COMPONENTS, hostSummary } from "./host-summary.ts";
import { INSTANCE_ACTION_COMPONENTS, instanceActions } from "./instance-actions.ts";
import { LOCATION_COMPONENTS, locations } from "./locations.ts";
import { resourceRoutes } from "./resource-routes.ts";
import type { Route } from "./route.ts";

/** Every operation of a project. */
export function projectRoutes(resources: Resources): Route[] {
  return [
    ...hostActions(resources),
    ...hostSummary(resources),
    ...instanceActions(resources),
    ...locations(resources),
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
  };
}
