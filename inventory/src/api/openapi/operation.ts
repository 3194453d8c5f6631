import type { Mount, Route } from "../routes/route.ts";
import { componentRef, type Schema } from "./components.ts";
import type { Paths } from "./serve-document.ts";

const TEXT = { type: "string" } as const;
const TAG = { etag: { schema: TEXT, description: "Of what is shown; see `If-Match` and `If-None-Match`." } };
const CURSOR = {
  "holdfast-cursor": { schema: TEXT, description: "From here a watch goes on where the list ends." },
};

const IF_NONE_MATCH = {
  type: "string",
  description: "Entity tags that the caller has: answered with 304 when what would be shown has one of them.",
};
const IF_MATCH = {
  type: "string",
  description:
    "Entity tags of which the change is made: refused with 412 when an operator has changed the resource since. What its site observes is no change.",
};

/** Routes below a prefix, as the document has them: by path, then by method. */
export function documentedPaths(routes: readonly Route[], where: Mount): Paths {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = `${where.prefix}/${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, where) };
  }
  return paths;
}

function operation(route: Route, where: Mount): object {
  const inPath = [...where.parameters, ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name)];
  return {
    operationId: `${route.operationId}${where.operationSuffix}`,
    summary: route.summary,
    tags: [route.tag],
    ...(route.body ? { requestBody: { required: true, content: json(route.body) } } : {}),
    parameters: [
      ...parameters("query", { ...route.query, ...where.query }),
      ...parameters("path", Object.fromEntries(inPath.map((name) => [name, TEXT]))),
      ...parameters("header", { ...where.headers, ...conditionsOf(route) }),
    ],
    responses: {
      200: { description: "OK", ...answerOf(route) },
      ...(route.shows && route.method === "GET" ? { 304: { description: "The caller has it" } } : {}),
    },
  };
}

function parameters(
  where: "query" | "path" | "header",
  schemas: Readonly<Record<string, { readonly type?: unknown; readonly description?: unknown }>>,
): object[] {
  return Object.entries(schemas).map(([name, { description, ...schema }]) => ({
    ...{ schema, in: where, name, required: where === "path" },
    ...(description === undefined ? {} : { description }),
  }));
}

function answerOf({ response, shows, stream }: Route): object {
  const content = json(response);
  if (stream) return { headers: CURSOR, content: { ...content, "text/event-stream": { schema: TEXT } } };
  return { ...(shows ? { headers: TAG } : {}), content };
}

function json(component: string): object {
  return { "application/json": { schema: componentRef(component) } };
}

/** The conditions that a route takes (RFC 9110 §13.1). */
function conditionsOf({ method, shows, path }: Route): Readonly<Record<string, Schema>> {
  if (shows && method === "GET") return { "if-none-match": IF_NONE_MATCH };
  const changesOne = method !== "GET" && path.includes("{resourceId}");
  return changesOne ? { "if-match": IF_MATCH } : {};
}
