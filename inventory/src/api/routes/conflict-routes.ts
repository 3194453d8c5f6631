import { type ConflictValue, kindNamed } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import { BODY, checkValue, refusal, type ValueSchema } from "../body/check-value.ts";
import type { Conflict, Conflicts } from "../conflicts.ts";
import { type Components, componentRef, EMPTY, TIME } from "../openapi/components.ts";
import { LIST_QUERY, SHORT_PAGE } from "../query.ts";
import { shownField, shownFields } from "../render/plan.ts";
import { rfc3339 } from "../render/time.ts";
import type { Resources } from "../resources.ts";
import { type Call, parameter, type Route } from "./route.ts";

const TEXT = { type: "string" } as const;
const ID = { type: "string", pattern: "^conflict-[0-9a-f]{16}$" } as const;
const WRITE = { type: "string", minLength: 1, maxLength: 64 } as const;

const RESOLUTION = {
  type: "object",
  properties: {
    choose: { ...WRITE, description: "The `write` of the value that shall stand." },
    saw: {
      type: "array",
      items: WRITE,
      maxItems: 1_000,
      description: "The `write`s chosen from; all that there are now when left out.",
    },
  },
  required: ["choose"],
} as const;

export const CONFLICT_COMPONENTS: Components = {
  ListConflictsResponse: {
    type: "object",
    properties: {
      conflicts: { type: "array", items: componentRef("Conflict") },
      totalElements: { type: "integer", format: "int32" },
      hasNext: { type: "boolean" },
    },
    required: ["conflicts", "totalElements", "hasNext"],
    additionalProperties: false,
  },
  Conflict: {
    type: "object",
    description: "Several values were wanted of one field, by people who did not know of one another.",
    properties: {
      id: ID,
      kind: { ...TEXT, description: "Of the resource." },
      resourceId: TEXT,
      field: { type: ["string", "null"], description: "null: whether the resource exists, and as what." },
      openedAt: TIME,
      values: { type: "array", items: componentRef("ConflictValue") },
    },
    required: ["id", "kind", "resourceId", "field", "openedAt", "values"],
    additionalProperties: false,
  },
  ConflictValue: {
    type: "object",
    properties: {
      write: { ...TEXT, description: "Names this value when one is chosen." },
      value: { description: "As the field is shown elsewhere; of a whole resource: its fields." },
      by: { ...TEXT, description: "`hub`, or the id of the site at which it was wanted." },
      actor: TEXT,
      at: { ...TIME, description: "By the clock of where it was wanted." },
      standing: { type: "boolean", description: "The hub shows this one." },
      reason: { ...TEXT, description: "Why it could not simply apply." },
    },
    required: ["write", "value", "by", "actor", "at", "standing"],
    additionalProperties: false,
  },
  ResolveConflictRequest: { ...RESOLUTION, additionalProperties: false },
  ResolveConflictResponse: EMPTY,
};

/** Open conflicts, and the choice between their values. */
export function conflictRoutes(resources: Resources, conflicts: Conflicts): Route[] {
  return [
    {
      method: "GET",
      path: "conflicts",
      tag: "Conflicts",
      operationId: "ListConflicts",
      summary: "Open conflicts of a project, by page, or those about one resource",
      query: { resourceId: { ...TEXT, maxLength: 64 }, pageSize: SHORT_PAGE, offset: LIST_QUERY.offset },
      response: "ListConflictsResponse",
      handle: (call) => list(resources, conflicts, call),
    },
    {
      method: "GET",
      path: "conflicts/{conflictId}",
      tag: "Conflicts",
      operationId: "GetConflict",
      summary: "One open conflict with all its values",
      response: "Conflict",
      handle: (call) => {
        const id = conflictId(call);
        return resources.read(call, async ({ view, tenant }) => {
          const found = await conflicts.get(view, tenant.id, id);
          if (!found) throw new Fault("NotFound", "conflict not found");
          return shown(found);
        });
      },
    },
    {
      method: "POST",
      path: "conflicts/{conflictId}/resolve",
      tag: "Conflicts",
      operationId: "ResolveConflict",
      summary: "Let one of the values stand; refused with 409 when there are others than the caller saw",
      body: "ResolveConflictRequest",
      response: "ResolveConflictResponse",
      handle: async (call) => {
        const id = conflictId(call);
        const { body } = call;
        checkResolution(body);
        const tenant = await resources.read(call, async (found) => found.tenant.id);
        await conflicts.resolve({ ...call.asking, tenant, id, ...body });
        return {};
      },
    },
  ];
}

function list(resources: Resources, conflicts: Conflicts, call: Call): Promise<object> {
  const { resourceId, pageSize, offset } = call.query;
  const from = Number(offset ?? 0);
  return resources.read(call, async ({ view, tenant }) => {
    const { conflicts: found, total } = await conflicts.list(view, {
      tenant: tenant.id,
      ...(typeof resourceId === "string" ? { resourceId } : {}),
      limit: Number(pageSize ?? SHORT_PAGE.default),
      offset: from,
    });
    return { conflicts: found.map(shown), totalElements: total, hasNext: from + found.length < total };
  });
}

function conflictId(call: Call): string {
  const id = parameter(call, "conflictId");
  checkValue(ID, id, "conflictId");
  return id;
}

interface Chosen {
  readonly choose: string;
  readonly saw?: readonly string[];
}

function checkResolution(body: unknown): asserts body is Chosen {
  if (body === undefined) throw refusal("choose", "is needed");
  checkValue(RESOLUTION as ValueSchema, body, BODY);
}

function shown({ id, kind, resourceId, field, openedAt, values }: Conflict): object {
  const each = values.map((value) => shownValue(kind, field, value));
  return { id, kind, resourceId, field, openedAt: rfc3339(openedAt), values: each };
}

/** With the types that the API shows elsewhere; of what this version does not know, as it is. */
function shownValue(kindName: string, field: string | null, conflicting: ConflictValue): object {
  const { write, by, actor, at, standing, reason } = conflicting;
  const kind = kindNamed(kindName);
  let { value } = conflicting;
  if (kind && field !== null) value = shownField(kind, field, value);
  if (kind && field === null) value = shownFields(kind, value);
  return { write, value, by, actor, at: rfc3339(at), standing, ...(reason === undefined ? {} : { reason }) };
}
