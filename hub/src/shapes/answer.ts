import type { FastifyReply, FastifyRequest } from "fastify";
import { writeOffset } from "./offset.ts";
import { FEED_SCHEMA, MUST_REFETCH, type ShapePage } from "./page.ts";
import type { RenderedPage } from "./rendered.ts";
import type { ShapeErrors, ShapeRequest } from "./request.ts";
import type { Seal } from "./seal.ts";

/** Below this many bytes compressing costs more than it saves. */
const WORTH_COMPRESSING = 1_024;

/** Rule 11: what a scope holds is for those who may read it, so no shared cache keeps an answer. */
const PRIVATE = "private, no-cache";
const NEVER = "private, no-store";

export interface Answered {
  readonly request: ShapeRequest;
  readonly handle: string;
  /** The cursor for live answers. */
  readonly cursor: number;
  /** The life of the hub whose log is told. */
  readonly epoch: string;
  readonly seal: Seal;
}

/**
 * The headers that the client needs, on every good answer. A stream says that it stands where it was asked to begin: the client
 * goes on from there when it breaks off before its first row, and the rows say themselves how far they lead.
 */
export function electricHeaders({ request, handle, cursor }: Answered, page: ShapePage): Record<string, string> {
  const { from, mode } = request;
  const standsAt = mode === "sse" && typeof from === "object" ? from.offset : page.next;
  return {
    "electric-handle": handle,
    "electric-offset": writeOffset(standsAt),
    "electric-has-data": String(page.messages.length > 0),
    ...(request.mode === "catch-up" ? { "electric-schema": FEED_SCHEMA } : { "electric-cursor": String(cursor) }),
    ...(page.upToDate && request.mode !== "sse" ? { "electric-up-to-date": "" } : {}),
    vary: "authorization, accept-encoding",
  };
}

/** A page as an ordinary answer: compressed when the client takes it, not at all when it has it. */
export async function sendPage(
  incoming: FastifyRequest,
  reply: FastifyReply,
  answered: Answered,
  page: RenderedPage,
): Promise<FastifyReply> {
  const { request, handle } = answered;
  reply.headers(electricHeaders(answered, page)).header("cache-control", request.mode === "catch-up" ? PRIVATE : NEVER);
  if (typeof request.from === "object" && page.messages.length > 0) {
    const etag = `"${handle}:${writeOffset(request.from.offset)}:${writeOffset(page.next)}"`;
    reply.header("etag", etag);
    if (incoming.headers["if-none-match"] === etag) return reply.code(304).send();
  }
  reply.type("application/json; charset=utf-8");
  const json = page.json();
  if (json.length < WORTH_COMPRESSING || !takesGzip(incoming.headers["accept-encoding"])) return reply.send(json);
  return reply.header("content-encoding", "gzip").send(await page.gzipped());
}

/** The follower must start anew, with a handle that it has not had. */
export function sendMustRefetch(reply: FastifyReply, handle: string): FastifyReply {
  return reply
    .code(409)
    .header("electric-handle", handle)
    .header("cache-control", NEVER)
    .type("application/json; charset=utf-8")
    .send(MUST_REFETCH);
}

/** A bad request, in the protocol's words. */
export function sendInvalid(reply: FastifyReply, errors: ShapeErrors): FastifyReply {
  return reply.code(400).header("cache-control", NEVER).send({ message: "Invalid request", errors });
}

/** A refusal, in the words of the rest of the API. */
export function sendRefusal(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).header("cache-control", NEVER).send({ code, message });
}

function takesGzip(header: string | string[] | undefined): boolean {
  return /(^|,)\s*(gzip|\*)\s*(;\s*q=(0\.\d*[1-9]\d*|1(\.0*)?)\s*)?(,|$)/i.test(String(header ?? ""));
}
