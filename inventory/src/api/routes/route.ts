import type { FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { Asking } from "../../inventory.ts";
import { askingOf } from "../asking.ts";
import { entityTag, isKnown, isShown } from "../conditions.ts";
import type { Schema } from "../openapi/components.ts";
import { type Principal, principalOf } from "../principal.ts";
import { type QuerySchemas, type QueryValues, readQuery } from "../query.ts";
import type { Action } from "../roles.ts";

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
  /** It answers with one resource, under an entity tag. */
  readonly shows?: "resource";
  /** What a caller must be allowed in the project, one of these; to read for GET, to write for others when absent. */
  readonly needs?: readonly Action[];
  handle(call: Call): Promise<object>;
  /** Answers with events instead, for as long as the caller likes, when it is asked to. */
  readonly stream?: (call: Call, exchange: Exchange) => Promise<void>;
}

/** A request and its answer, for who holds them for longer. */
export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** A request to a route: parameters checked, body parsed and not yet checked. */
export interface Call {
  readonly principal: Principal;
  /** What goes with every write. */
  readonly asking: Asking;
  /** Of which state of a resource a change is made, as `If-Match` says. */
  readonly ifMatch: string | undefined;
  /** Puts a header on the answer. */
  readonly note: (header: string, value: string) => void;
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
  /** Those of the prefix. */
  readonly parameters: readonly string[];
  /** Beside those of each route, for the document. */
  readonly query?: QuerySchemas;
  readonly headers?: Readonly<Record<string, Schema>>;
  /** As the caller wrote it; throws InvalidArgument when they name none. */
  readonly projectOf: (request: FastifyRequest) => string;
}

/** A parameter of a call's path. */
export function parameter({ parameters }: Call, name: string): string {
  const value = parameters[name];
  if (value === undefined) throw new TypeError(`the path has no parameter ${name}`);
  return value;
}

/** Answers a request to a route. */
export async function answerWith(
  {
    route,
    where,
    parameters,
  }: { readonly route: Route; readonly where: Mount; readonly parameters: Call["parameters"] },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const call: Call = {
    principal: principalOf(request),
    asking: askingOf(request, reply),
    ifMatch: request.headers["if-match"],
    project: where.projectOf(request),
    parameters,
    query: readQuery(route.readQuery ?? route.query ?? {}, request.query),
    body: request.body,
    note: (header, value) => void reply.header(header, value),
  };
  if (route.stream && request.method === "GET" && wantsEvents(request, call)) {
    await route.stream(call, { request, reply });
    return reply;
  }
  const answer = await route.handle(call);
  return sendAnswer(answer, request, reply);
}

/** `watch=true`, or what a browser's EventSource says. */
function wantsEvents({ headers }: FastifyRequest, { query }: Call): boolean {
  if (query.watch !== undefined) return query.watch === true;
  return /^text\/event-stream\s*(;|,|$)/.test(headers.accept ?? "");
}

/** Sends JSON; a resource with its entity tag, or 304 and nothing to who has it already. */
function sendAnswer(answer: object, { method, headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
  const text = JSON.stringify(answer);
  if (isShown(answer)) {
    const tag = entityTag(answer, text);
    void reply.header("etag", tag);
    const reads = method === "GET" || method === "HEAD";
    if (reads && isKnown(headers["if-none-match"], tag)) return reply.code(304).send();
  }
  return reply.type("application/json; charset=utf-8").send(text);
}
