import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Principal } from "./principal.ts";

export interface StatusRouteParts {
  /** For the OpenAPI document. */
  readonly operationId: string;
  readonly summary: string;
  readonly status: () => Promise<object>;
  readonly authenticate: (request: FastifyRequest) => Promise<Principal>;
}

/** `GET /v1/status`, how a program itself fares: for whoever is on this machine, and for operators from anywhere. */
export function ownStatusRoute(app: FastifyInstance, parts: StatusRouteParts): void {
  const { operationId, summary, status, authenticate } = parts;
  const response = { 200: { description: "OK", type: "object" } };
  const schema = { tags: ["Health"], operationId, summary: `${summary}; open to this machine itself`, response };
  app.get("/v1/status", { config: { auth: "own" as const }, schema }, async (request) => {
    if (!isLoopback(request.ip)) await authenticate(request);
    return status();
  });
}

/** Whether a request comes from this machine: RFC 1122 §3.2.1.3, RFC 4291 §2.5.3, also as mapped by a socket of both families. */
export function isLoopback(address: string | undefined): boolean {
  const plain = (address ?? "").replace(/^::ffff:/i, "");
  return plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}
