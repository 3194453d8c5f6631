import type { Kind } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { refuseFalseClaims } from "../body/claims.ts";
import { readBody } from "../body/read-body.ts";
import { readKept, refuseLacking } from "../body/read-kept.ts";
import { keptName } from "../openapi/components.ts";
import type { Resources } from "../resources.ts";
import { type Action, keeps, may } from "../roles.ts";
import { type Call, parameter, type Route } from "./route.ts";

/** How a manager makes and changes the resources of a kind that it keeps; EIM offers nobody that. */
export function keptRoutes(kind: Kind, resources: Resources): Route[] {
  const { rest, schemaName } = kind;
  const [collection] = rest?.collections ?? [];
  if (!rest || collection === undefined) return [];
  const shared = { tag: rest.plural, body: keptName(kind), response: schemaName, shows: "resource" } as const;
  return [
    {
      ...shared,
      method: "POST",
      path: collection,
      operationId: `Create${schemaName}`,
      summary: `Make a resource of ${rest.plural}; its manager's alone`,
      needs: ["observe"],
      handle: async (call) => {
        await refuseOthers(resources, kind, { call });
        const { fields, others } = readKept(kind, readBody(kind, call.body).claims);
        refuseFalseClaims(others, {});
        refuseLacking(kind, fields);
        return resources.createOf(kind, asKeeper(call), fields);
      },
    },
    {
      ...shared,
      method: "PATCH",
      path: `${collection}/{resourceId}`,
      operationId: `Patch${schemaName}`,
      summary: "Change the fields of the body; its manager's alone",
      needs: ["observe"],
      handle: async (call) => {
        await refuseOthers(resources, kind, { call });
        const wanted = { body: call.body, writes: () => ({}) };
        return resources.change(kind, parameter(call, "resourceId"), asKeeper(call), wanted);
      },
    },
  ];
}

function asKeeper(call: Call): Call {
  return { ...call, asking: { ...call.asking, keeper: true } };
}

/** Throws PermissionDenied to who neither keeps the resources of a kind in a project nor is allowed what is named beside. */
export function refuseOthers(
  resources: Resources,
  kind: Kind,
  { call, beside }: { readonly call: Call; readonly beside?: Action },
): Promise<void> {
  return resources.read(call, async ({ tenant: { id } }) => {
    if (keeps(call.principal, kind.name, id)) return;
    if (beside !== undefined && may(call.principal, beside, id)) return;
    throw new Fault("PermissionDenied", `this role is not granted ${kind.name}.*`);
  });
}
