import type { Principal } from "@holdfast/inventory/api/principal";
import type { FastifyInstance, FastifyRequest } from "fastify";

const ANSWER = {
  tags: ["Health"],
  operationId: "GetSiteStatus",
  summary: "How far the site has got, and what would be lost if its disk died now; open to this machine itself",
  response: { 200: { description: "OK", type: "object" } },
};

export interface StatusRouteParts {
  readonly status: () => Promise<object>;
  readonly authenticate: (request: FastifyRequest) => Promise<Principal>;
}

/** `GET /v1/status`: for whoever is on this machine, and for operators from anywhere. */
export function statusRoute(app: FastifyInstance, { status, authenticate }: StatusRouteParts): void {
  app.get("/v1/status", { config: { auth: "own" as const }, schema: ANSWER }, async (request) => {
    if (!isLoopback(request.socket.remoteAddress)) await authenticate(request);
    return status();
  });
}

/** Whether a request comes from this machine: RFC 1122 §3.2.1.3, RFC 4291 §2.5.3, also as mapped by a socket of both families. */
export function isLoopback(address: string | undefined): boolean {
  const plain = (address ?? "").replace(/^::ffff:/i, "");
  return plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}
