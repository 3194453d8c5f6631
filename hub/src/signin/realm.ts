import { Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";

/** The path of the issuer: what EIM's CLI and other clients of Keycloak know it by. */
export const REALM_PATH = "/realms/master";
const PROTOCOL = "/protocol/openid-connect";
export const TOKEN_PATH = `${PROTOCOL}/token`;
export const CERTS_PATH = `${PROTOCOL}/certs`;
export const LOGOUT_PATH = `${PROTOCOL}/logout`;
export const REVOKE_PATH = `${PROTOCOL}/revoke`;

const HOST = /^[A-Za-z0-9.:[\]_-]{1,255}$/;

/**
 * The URL of the issuer: below the public URL when there is one, otherwise as the caller has reached it. Throws
 * InvalidArgument when the caller does not say.
 */
export function issuerUrl(
  request: Pick<FastifyRequest, "protocol" | "headers">,
  publicUrl: string | undefined,
): string {
  if (publicUrl !== undefined) return `${publicUrl.replace(/\/+$/, "")}${REALM_PATH}`;
  const { host } = request.headers;
  if (host === undefined || !HOST.test(host)) throw new Fault("InvalidArgument", "Host: is no name of a host");
  return `${request.protocol}://${host}${REALM_PATH}`;
}

/** OpenID Connect Discovery 1.0 §3; with the issuer of the provider beside this one, for whoever is no user here. */
export function discovery(issuer: string, provider?: string): object {
  return {
    issuer,
    ...(provider === undefined ? {} : { holdfast_provider: provider }),
    token_endpoint: `${issuer}${TOKEN_PATH}`,
    jwks_uri: `${issuer}${CERTS_PATH}`,
    end_session_endpoint: `${issuer}${LOGOUT_PATH}`,
    revocation_endpoint: `${issuer}${REVOKE_PATH}`,
    grant_types_supported: ["password", "refresh_token"],
    response_types_supported: ["none"],
    subject_types_supported: ["public"],
    scopes_supported: ["profile", "email"],
    token_endpoint_auth_methods_supported: ["none"],
    revocation_endpoint_auth_methods_supported: ["none"],
    id_token_signing_alg_values_supported: ["ES256"],
    claims_supported: ["iss", "sub", "aud", "exp", "iat", "azp", "preferred_username", "realm_access"],
  };
}
