import type { FastifyReply } from "fastify";

/**
 * Leaves out of an answer what its reader has no use for: a site that is idle asks for nothing else all day, and what it
 * costs on the link is mostly headers. The connection is kept, as HTTP/1.1 means it when nothing is said (RFC 9112 §9.3).
 */
export function brief(reply: FastifyReply): FastifyReply {
  reply.raw.sendDate = false;
  reply.raw.removeHeader("connection");
  return reply.removeHeader("x-request-id").type("application/json");
}
