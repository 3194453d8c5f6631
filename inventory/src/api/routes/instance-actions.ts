import { Instance } from "@holdfast/protocol";
import { type Components, EMPTY } from "../openapi/components.ts";
import { checkOwnId } from "../resource-id.ts";
import type { Resources } from "../resources.ts";
import { parameter, type Route } from "./route.ts";

export const INSTANCE_ACTION_COMPONENTS: Components = { InvalidateInstanceResponse: EMPTY };

export function instanceActions(resources: Resources): Route[] {
  return [
    {
      method: "PUT",
      path: "compute/instances/{resourceId}/invalidate",
      tag: "Instances",
      operationId: "InvalidateInstance",
      summary: "Deauthorise an instance: it is trusted no more",
      response: "InvalidateInstanceResponse",
      handle: async (call) => {
        const id = parameter(call, "resourceId");
        checkOwnId(Instance, id, "resourceId");
        await resources.write(Instance, id, call, { desiredState: "INSTANCE_STATE_UNTRUSTED" });
        return {};
      },
    },
  ];
}
