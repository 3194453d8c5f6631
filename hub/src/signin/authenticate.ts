import type { Principal } from "@holdfast/inventory/api/principal";
import { Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";
import { authenticateOperator } from "../tokens/bearer.ts";
import type { Tokens } from "../tokens/tokens.ts";
import type { Issuer } from "./issuer.ts";
import type { Provider } from "./provider.ts";

/** Larger ones are not looked at. */
const LONGEST = 16_384;
const JWT = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;

export interface AuthenticateParts {
  readonly tokens: Pick<Tokens, "bearer">;
  readonly issuer: Pick<Issuer, "bearer">;
  /** Another issuer of tokens. */
  readonly provider?: Provider | undefined;
}

/**
 * Who makes a request, by what they come with: an operator's token, or an access token of the hub's own issuer or of the
 * provider that it was told of. Throws Unauthenticated.
 */
export function createAuthenticate({ tokens, issuer, provider }: AuthenticateParts) {
  return async function authenticate(request: FastifyRequest): Promise<Principal> {
    const { authorization = "" } = request.headers;
    if (authorization.length > LONGEST) throw new Fault("Unauthenticated", "the token is too large");
    const jwt = JWT.exec(authorization)?.[1];
    if (jwt === undefined) return authenticateOperator(tokens, request);
    return provider?.issued(jwt) ? provider.bearer(jwt) : issuer.bearer(jwt);
  };
}
