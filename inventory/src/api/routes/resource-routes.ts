import { CustomConfig, isId, isKept, type Kind, Region, Site } from "@holdfast/protocol";
import { refusal } from "../body/check-value.ts";
import { masked } from "../body/field-mask.ts";
import { fieldsToPatch, fieldsToReplace } from "../body/read-body.ts";
import { deletedName } from "../openapi/components.ts";
import { LIST_QUERY, type QuerySchemas, READ_LIST_QUERY } from "../query.ts";
import type { Resources } from "../resources.ts";
import { changing, removing } from "../rights.ts";
import { refuseOthers } from "./kept-routes.ts";
import { type Call, parameter, type Route } from "./route.ts";
import { listSchedules, SCHEDULE_QUERY } from "./schedule-lists.ts";
import { listProfiles, PROFILE_QUERY } from "./telemetry-lists.ts";

/** What creating a kind sets when the body does not say. */
const INITIAL: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  host: { desiredPowerState: "POWER_STATE_ON", powerCommandPolicy: "POWER_COMMAND_POLICY_ORDERED" },
};

/** What creating a kind sets whatever the body says. */
const FIXED: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  host: { desiredState: "HOST_STATE_ONBOARDED" },
  instance: { desiredState: "INSTANCE_STATE_RUNNING" },
};

const TEXT = { type: "string" } as const;

/** The operations of a kind, at each of its paths. */
export function resourceRoutes(kind: Kind, resources: Resources): Route[] {
  const { rest } = kind;
  if (!rest) return [];
  return rest.collections.flatMap((collection, index) => {
    const again = index === 0 ? "" : String(index + 1);
    const all = collectionRoutes({ kind, collection, again, resources });
    return all.filter(({ operation }) => rest.operations.includes(operation)).map(({ route }) => route);
  });
}

interface Collection {
  readonly kind: Kind;
  readonly collection: string;
  /** Tells the operations of a second path from those of the first. */
  readonly again: string;
  readonly resources: Resources;
}

type Operation = "list" | "create" | "get" | "put" | "patch" | "delete";

function collectionRoutes({
  kind,
  collection,
  again,
  resources,
}: Collection): { operation: Operation; route: Route }[] {
  const { rest, schemaName } = kind;
  if (!rest) return [];
  const one = schemaName.replace(/Resource$/, "");
  const named = (verb: string, name: string, summary: string) => ({
    tag: rest.plural,
    operationId: `${verb}${name}${again}`,
    summary,
  });
  const item = `${collection}/{resourceId}`;
  const query = parentQuery(collection);
  const change = (call: Call, body: unknown, writes: typeof fieldsToPatch) =>
    resources.change(kind, parameter(call, "resourceId"), call, { body, writes });
  const routes: Record<Operation, Route> = {
    list: {
      ...named("List", rest.plural, `The ${rest.plural} of a project, by page`),
      method: "GET",
      path: collection,
      query: { ...LIST_QUERY, ...LISTED[kind.name]?.query, ...query },
      readQuery: { ...READ_LIST_QUERY, ...LISTED[kind.name]?.query, ...query },
      response: `List${rest.plural}Response`,
      handle: (call) => (LISTED[kind.name]?.list ?? listPlainly)(resources, kind, call),
      stream: (call, exchange) => {
        const asked = LISTED[kind.name]?.list ? Object.keys(LISTED[kind.name]?.query ?? {}) : [];
        const beside = asked.find((name) => call.query[name] !== undefined);
        if (beside !== undefined) throw refusal(beside, "does not go with watch");
        return resources.watch(kind, call, exchange, inAskedRegion(call));
      },
    },
    create: {
      ...named("Create", one, `Make a resource of ${rest.plural}`),
      method: "POST",
      path: collection,
      query,
      body: schemaName,
      response: schemaName,
      shows: "resource",
      handle: (call) =>
        resources.create(kind, call, {
          initial: { ...INITIAL[kind.name], ...regionOfPath(kind, call), ...describedByName(kind, call) },
          fixed: FIXED[kind.name] ?? {},
        }),
    },
    get: {
      ...named("Get", one, `One resource of ${rest.plural}`),
      method: "GET",
      path: item,
      query,
      response: schemaName,
      shows: "resource",
      handle: (call) => resources.get(kind, parameter(call, "resourceId"), call),
    },
    put: {
      ...named("Update", one, "Replace what operators may write; what is left out goes back to its initial value"),
      method: "PUT",
      path: item,
      query,
      body: schemaName,
      response: schemaName,
      shows: "resource",
      handle: (call) => change(call, call.body, fieldsToReplace),
    },
    patch: {
      ...named("Patch", one, "Change the fields of the body, or those of the field mask"),
      method: "PATCH",
      path: item,
      query: { fieldMask: TEXT, ...query },
      body: schemaName,
      response: schemaName,
      shows: "resource",
      needs: changing(kind),
      handle: (call) => {
        const { fieldMask } = call.query;
        const body = typeof fieldMask === "string" ? masked(kind, call.body, fieldMask) : call.body;
        return change(call, body, fieldsToPatch);
      },
    },
    delete: {
      ...named("Delete", one, `Remove a resource of ${rest.plural}, or ask its site to let go of it`),
      method: "DELETE",
      path: item,
      query,
      response: deletedName(kind),
      needs: removing(kind),
      handle: async (call) => {
        if (isKept(kind)) await refuseOthers(resources, kind, { call, beside: "write" });
        return resources.remove(kind, parameter(call, "resourceId"), call);
      },
    },
  };
  return (Object.keys(routes) as Operation[]).map((operation) => ({ operation, route: routes[operation] }));
}

/** How a list of a kind is asked for, where there is more to ask than of others. */
interface Listed {
  readonly query: QuerySchemas;
  readonly list?: (resources: Resources, kind: Kind, call: Call) => Promise<object>;
}

/** By the name of the kind. */
const LISTED: Readonly<Record<string, Listed>> = {
  region: { query: { showTotalSites: { type: "boolean" } } },
  single_schedule: { query: SCHEDULE_QUERY, list: listSchedules },
  repeated_schedule: { query: SCHEDULE_QUERY, list: listSchedules },
  telemetry_logs_profile: { query: PROFILE_QUERY, list: listProfiles },
  telemetry_metrics_profile: { query: PROFILE_QUERY, list: listProfiles },
};

function listPlainly(resources: Resources, kind: Kind, call: Call): Promise<object> {
  return resources.list(kind, call, inAskedRegion(call));
}

/** A collection that is also nested under a parent takes the parent as a parameter where it is not. */
function parentQuery(collection: string): QuerySchemas {
  return collection === "sites" ? { regionId: TEXT } : {};
}

/** Asked for in the query it narrows; in the path clients send anything, and it never did. */
function inAskedRegion({ query }: Call) {
  const { regionId } = query;
  if (typeof regionId !== "string" || !isId(Region.prefix, regionId)) return undefined;
  return { is: "compare", path: ["regionId"], operator: "equal", value: regionId } as const;
}

function regionOfPath(kind: Kind, { parameters, query }: Call): { readonly regionId?: string } {
  const regionId = parameters.regionId ?? query.regionId;
  return kind === Site && typeof regionId === "string" && isId(Region.prefix, regionId) ? { regionId } : {};
}

/** A configuration that nobody has described has its name for that: a description is never empty. */
function describedByName(kind: Kind, { body }: Call): { readonly description?: unknown } {
  if (kind !== CustomConfig || typeof body !== "object" || body === null || !("name" in body)) return {};
  return { description: body.name };
}
