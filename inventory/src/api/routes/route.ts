import type { FastifyInstance, FastifyRequest, HTTPMethods } from "fastify";
import type { Asking } from "../../inventory.ts";
import { askingOf, LONGEST_WAIT } from "../asking.ts";
import { componentRef } from "../openapi/components.ts";
import { type Principal, principalOf } from "../principal.ts";
import { type QuerySchemas, type QueryValues, readQuery } from "../query.ts";
import { LONGEST_REQUEST } from "../server.ts";

/** One operation of a project: how it is found, how it is described, what it does. */
export interface Route {
  readonly method: Extract<HTTPMethods, "GET" | "POST" | "PUT" | "PATCH" | "DELETE">;
  /** Below the project's path; parameters as `{resourceId}`. */
  readonly path: string;
  readonly tag: string;
  readonly operationId: string;
  readonly summary: string;
  /** As the document shows them. */
  readonly query?: QuerySchemas;
  /** As requests are read, when that differs. */
  readonly readQuery?: QuerySchemas;
  /** Names of components. */
  readonly body?: string;
  readonly response: string;
  handle(call: Call): Promise<object>;
}

/** A request to a route: parameters checked, body parsed and not yet checked. */
export interface Call {
  readonly principal: Principal;
  /** What goes with every write. */
  readonly asking: Asking;
  /** The project's name or UUID as the caller wrote it. */
  readonly project: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: QueryValues;
  readonly body: unknown;
}

/** Where a set of routes is mounted and how its requests name their project. */
export interface Mount {
  readonly prefix: string;
  /** Added to the ids of operations, which are unique in a document. */
  readonly operationSuffix: string;
  readonly parameters: readonly string[];
  projectOf(request: FastifyRequest): string;
}

/** A parameter of a call's path. */
export function parameter({ parameters }: Call, name: string): string {
  const value = parameters[name];
  if (value === undefined) throw new TypeError(`the path has no parameter ${name}`);
  return value;
}

/** Adds the routes below a prefix. */
export function mount(app: FastifyInstance, routes: readonly Route[], where: Mount): void {
  for (const route of routes) {
    const querySchemas = route.readQuery ?? route.query ?? {};
    app.route({
      method: route.method,
      url: `${where.prefix}/${route.path}`.replace(/\{(\w+)\}/g, ":$1"),
      schema: documented(route, where),
      // A write may wait for the hub's word on it, as long as its caller likes to.
      ...(route.method === "GET" ? {} : { handlerTimeout: LONGEST_REQUEST + LONGEST_WAIT }),
      handler: async (request, reply) => {
        const answer = await route.handle({
          principal: principalOf(request),
          asking: askingOf(request, reply),
          project: where.projectOf(request),
          parameters: request.params as Readonly<Record<string, string>>,
          query: readQuery(querySchemas, request.query),
          body: request.body,
        });
        return reply.type("application/json; charset=utf-8").send(JSON.stringify(answer));
      },
    });
  }
}

function documented(route: Route, where: Mount): object {
  const inPath = [...where.parameters, ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)];
  const text = { type: "string" };
  return {
    tags: [route.tag],
    operationId: `${route.operationId}${where.operationSuffix}`,
    summary: route.summary,
    params: { type: "object", properties: Object.fromEntries(inPath.map((name) => [name, text])) },
    ...(route.query ? { querystring: { type: "object", properties: route.query } } : {}),
    ...(route.body ? { body: componentRef(route.body) } : {}),
    response: {
      200: { description: "OK", ...componentRef(route.response) },
      default: { description: "What went wrong", ...componentRef("Error") },
    },
  };
}
