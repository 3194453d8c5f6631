import type { FastifyRequest } from "fastify";
import { refusal } from "../body/check-value.ts";
import type { Mount, Route } from "./route.ts";

/** The project is part of the path. */
export const BY_PATH: Mount = {
  prefix: "/v1/projects/{projectName}",
  operationSuffix: "",
  parameters: ["projectName"],
  projectOf: (request) => (request.params as { readonly projectName: string }).projectName,
};

/** As node names it. */
const HEADER = "activeprojectid";

/** The old prefix, which clients still use: the project is named in a header, or in the query where there is none. */
export const BY_HEADER: Mount = {
  prefix: "/edge-infra.orchestrator.apis/v2",
  operationSuffix: "V2",
  parameters: [],
  query: { projectName: { type: "string", minLength: 1, maxLength: 100 } },
  headers: { ActiveProjectID: { type: "string", description: "The project; `projectName` in the query when absent." } },
  projectOf: namedProject,
};

function namedProject({ headers, query }: FastifyRequest): string {
  const header = headers[HEADER];
  if (typeof header === "string" && header !== "") return header;
  const { projectName } = query as Readonly<Record<string, unknown>>;
  if (Array.isArray(projectName)) throw refusal("projectName", "is there twice");
  if (typeof projectName === "string" && projectName !== "") return projectName;
  throw refusal("projectName", "name a project, by this in the query or by the header ActiveProjectID");
}

/** The same operations as they are called under the old prefix: nothing is below `compute/` there. */
export function underOldPrefix(routes: readonly Route[]): Route[] {
  const renamed = routes.map((route) => ({ ...route, path: route.path.replace(/^compute\//, "") }));
  const first = new Map<string, Route>();
  for (const route of renamed) {
    const key = `${route.method} ${route.path}`;
    if (!first.has(key)) first.set(key, route);
  }
  return [...first.values()];
}
