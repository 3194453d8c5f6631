import { Fault } from "@holdfast/runtime";
import type { FastifyInstance } from "fastify";
import type { Store } from "../../store/contract.ts";
import { type Components, componentRef } from "../openapi/components.ts";
import { principalOf } from "../principal.ts";
import { type Projects, shownProject } from "../projects.ts";

const TEXT = { type: "string" } as const;

export const PROJECT_COMPONENTS: Components = {
  TenancyStatus: {
    type: "object",
    properties: {
      message: TEXT,
      statusIndicator: {
        type: "string",
        enum: ["STATUS_INDICATION_IDLE", "STATUS_INDICATION_IN_PROGRESS", "STATUS_INDICATION_ERROR"],
      },
      timeStamp: { type: "integer", format: "int64", description: "Since when, seconds since the epoch." },
      uID: { type: "string", format: "uuid" },
    },
    required: ["message", "statusIndicator", "timeStamp", "uID"],
    additionalProperties: false,
  },
  Project: {
    type: "object",
    properties: {
      name: TEXT,
      orgName: TEXT,
      spec: tenancySpec(),
      status: {
        type: "object",
        properties: { projectStatus: componentRef("TenancyStatus") },
        required: ["projectStatus"],
        additionalProperties: false,
      },
    },
    required: ["name", "orgName", "spec", "status"],
    additionalProperties: false,
  },
};

/** What operators say of a project or an organisation. */
export function tenancySpec(): object {
  return {
    type: "object",
    properties: { description: TEXT },
    required: ["description"],
    additionalProperties: false,
  };
}

/** The answers of a route, for the document. */
export function answers(schema: object): object {
  return {
    200: { description: "OK", ...schema },
    default: { description: "What went wrong", ...componentRef("Error") },
  };
}

/** Which projects there are for the caller. Clients ask for their own before each command. */
export function projectRoutesOf(
  app: FastifyInstance,
  { store, projects }: { store: Pick<Store, "read">; projects: Projects },
): void {
  const of = (operationId: string, summary: string, schema: object) => ({
    config: { needs: "own" } as const,
    schema: { tags: ["Projects"], operationId, summary, response: answers(schema) },
  });
  const list = of("ListProjects", "The projects that the caller may see", {
    type: "array",
    items: componentRef("Project"),
  });
  app.get("/v1/projects", list, async (request) => {
    const found = await store.read((view) => projects.list(view, principalOf(request)));
    return found.map(shownProject);
  });
  const get = of("GetProject", "One project, by its name or UUID, and how it fares", componentRef("Project"));
  app.get("/v1/projects/:projectName", get, async (request) => {
    const { projectName } = request.params as { readonly projectName: string };
    const found = await store.read((view) => projects.find(view, principalOf(request), projectName));
    if (!found) throw new Fault("NotFound", "project not found");
    return shownProject(found);
  });
}
