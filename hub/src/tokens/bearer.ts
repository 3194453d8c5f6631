import type { Principal } from "@holdfast/inventory/api/principal";
import { type Offer, offerFromHeaders, PROTOCOL_VERSION, shakeHands } from "@holdfast/protocol";
import { Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";
import type { SiteBearer, Tokens } from "./tokens.ts";

/** What the hub offers to sites, in the version that it speaks. */
export function hubOffer(version: number = PROTOCOL_VERSION): Offer {
  return { version, capabilities: ["feed", "uplink", "enrolment", "contact", "recovery"] };
}

/** The token of `Authorization: Bearer …`; undefined when there is none. */
export function bearerToken(request: Pick<FastifyRequest, "headers">): string | undefined {
  return /^Bearer ([\w.~+/-]{8,200}=*)$/i.exec(request.headers.authorization ?? "")?.[1];
}

/** The site that asks. Throws Unauthenticated without a good token, PermissionDenied for an operator's. */
export async function siteOf(tokens: Pick<Tokens, "bearer">, request: FastifyRequest): Promise<SiteBearer> {
  const token = bearerToken(request);
  if (token === undefined) throw new Fault("Unauthenticated", "this needs a site's token: Authorization: Bearer hfs_…");
  const bearer = await tokens.bearer(token);
  if (!bearer) throw new Fault("Unauthenticated", "the token is unknown, expired or revoked");
  if (bearer.holder === "ended") throw new Fault("Unauthenticated", bearer.reason);
  if (bearer.holder !== "site")
    throw new Fault("PermissionDenied", "an operator's token opens nothing of a site's own");
  return bearer;
}

/** Why the caller's version cannot be served; undefined when it can (rule 23). */
export function versionRefusal(
  request: Pick<FastifyRequest, "headers">,
  offer: Offer = hubOffer(),
): string | undefined {
  const handshake = shakeHands(offer, offerFromHeaders(request.headers), "site");
  return handshake.accepted ? undefined : handshake.reason;
}

/** The operator that asks. Throws Unauthenticated without a good token, PermissionDenied for a site's. */
export async function authenticateOperator(
  tokens: Pick<Tokens, "bearer">,
  request: FastifyRequest,
): Promise<Principal> {
  const token = bearerToken(request);
  if (token === undefined) throw new Fault("Unauthenticated", "a token is needed: Authorization: Bearer hfo_…");
  const bearer = await tokens.bearer(token);
  if (!bearer) throw new Fault("Unauthenticated", "the token is unknown, expired or revoked");
  if (bearer.holder === "unconfirmed") {
    const message = `a site gave this token back: an operator must confirm it (holdfast hub token confirm ${bearer.token})`;
    throw new Fault("Unauthenticated", message);
  }
  if (bearer.holder !== "operator") throw new Fault("PermissionDenied", "a site's token opens nothing of operators'");
  const { actor, token: id, grants } = bearer;
  return { actor, grants, token: id };
}
