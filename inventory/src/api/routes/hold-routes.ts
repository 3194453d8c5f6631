import { HOLD_REASONS, Site } from "@holdfast/protocol";
import type { Holds } from "../holds.ts";
import { type Components, componentRef, EMPTY, TIME } from "../openapi/components.ts";
import { rfc3339 } from "../render/time.ts";
import { checkOwnId } from "../resource-id.ts";
import type { Resources } from "../resources.ts";
import { parameter, type Route } from "./route.ts";

export const HOLD_COMPONENTS: Components = {
  Hold: {
    type: "object",
    description:
      "Nothing disruptive is done at a site until an operator says so: after a disaster, look first (rule 21).",
    properties: {
      siteId: { type: "string" },
      id: { type: "string", description: "A later hold at the same site has another." },
      reason: { type: "string", enum: HOLD_REASONS },
      since: TIME,
    },
    required: ["siteId", "id", "reason", "since"],
    additionalProperties: false,
  },
  ListHoldsResponse: {
    type: "object",
    properties: { holds: { type: "array", items: componentRef("Hold") } },
    required: ["holds"],
    additionalProperties: false,
  },
  ReleaseHoldResponse: EMPTY,
};

/** Sites where disruptive commands wait for an operator's word. */
export function holdRoutes(resources: Resources, holds: Holds): Route[] {
  return [
    {
      method: "GET",
      path: "holds",
      tag: "Holds",
      operationId: "ListHolds",
      summary: "Sites where disruptive commands wait for an operator's word, and why",
      response: "ListHoldsResponse",
      handle: (call) =>
        resources.read(call, async ({ view, tenant }) => {
          const found = await holds.list(view, tenant.id);
          return {
            holds: found.map(({ siteId, hold, reason, since }) => {
              return { siteId, id: hold, reason, since: rfc3339(since) };
            }),
          };
        }),
    },
    {
      method: "DELETE",
      path: "sites/{siteId}/hold",
      tag: "Holds",
      operationId: "ReleaseHold",
      summary: "Let disruptive commands at a site go on",
      response: "ReleaseHoldResponse",
      handle: async (call) => {
        const siteId = parameter(call, "siteId");
        checkOwnId(Site, siteId, "siteId");
        const tenant = await resources.read(call, async (found) => found.tenant.id);
        await holds.release({ ...call.asking, tenant, siteId });
        return {};
      },
    },
  ];
}
