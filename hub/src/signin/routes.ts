import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { UNDOCUMENTED } from "../documented.ts";
import { type Form, needed, readForm } from "./form.ts";
import type { Asker, Issuer } from "./issuer.ts";
import type { Keys } from "./keys.ts";
import { asOAuthFault, OAuthFault } from "./oauth-fault.ts";
import { CERTS_PATH, discovery, issuerUrl, LOGOUT_PATH, REALM_PATH, REVOKE_PATH, TOKEN_PATH } from "./realm.ts";

export interface SigninRoutes {
  readonly issuer: Issuer;
  readonly keys: Keys;
  readonly publicUrl?: string;
  /** How another provider that the hub takes tokens of calls itself. */
  readonly provider?: string | undefined;
}

const LARGEST_BODY = 32 * 1024;
const CLIENT = /^[\x21-\x7e]{1,100}$/;

/** Of RFC 6749 §5.1: nobody between keeps a token. */
const NOT_KEPT = { "cache-control": "no-store", pragma: "no-cache" } as const;

/** The endpoints of the issuer, where clients of Keycloak look for them. They answer as OAuth 2.0 does, errors too. */
export async function signinRoutes(app: FastifyInstance, parts: SigninRoutes): Promise<void> {
  const { issuer, keys, publicUrl, provider } = parts;
  const endpoints: FastifyPluginAsync = async (realm) => {
    realm.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
      done(null, body.toString()),
    );
    realm.setErrorHandler((error, request, reply) => refuse(error, request, reply));
    const options = {
      config: { auth: "own", limit: "people" } as const,
      schema: UNDOCUMENTED,
      bodyLimit: LARGEST_BODY,
    };
    const askerOf = (request: FastifyRequest, form: Form): Asker => ({
      client: clientOf(form),
      issuer: issuerUrl(request, publicUrl),
      address: request.ip,
    });

    realm.get(`${REALM_PATH}/.well-known/openid-configuration`, options, async (request) =>
      discovery(issuerUrl(request, publicUrl), provider),
    );
    realm.get(`${REALM_PATH}${CERTS_PATH}`, options, async () => ({
      keys: (await keys.all()).map(({ published }) => published),
    }));
    realm.post(`${REALM_PATH}${TOKEN_PATH}`, options, async (request, reply) => {
      const form = formOf(request);
      const answer = await granted(form, askerOf(request, form), request.id);
      return reply.headers(NOT_KEPT).send(answer);
    });
    for (const [path, parameter] of [
      [LOGOUT_PATH, "refresh_token"],
      [REVOKE_PATH, "token"],
    ] as const) {
      realm.post(`${REALM_PATH}${path}`, options, async (request, reply) => {
        await issuer.end(needed(formOf(request), parameter));
        return reply.headers(NOT_KEPT).send({});
      });
    }
  };
  await app.register(endpoints);

  async function granted(form: Form, asker: Asker, request: string) {
    switch (needed(form, "grant_type")) {
      case "password": {
        const { address } = asker;
        const credentials = { name: needed(form, "username"), password: needed(form, "password"), address, request };
        return issuer.signIn(credentials, asker);
      }
      case "refresh_token":
        return issuer.refresh(needed(form, "refresh_token"), asker);
      default:
        throw new OAuthFault("unsupported_grant_type", "grant_type: password or refresh_token");
    }
  }

  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const fault = asOAuthFault(error);
    if (fault.status >= 500) request.log.error({ err: error, request: request.id }, "a sign-in failed");
    if (fault.retryAfter !== undefined) void reply.header("retry-after", fault.retryAfter);
    return reply.code(fault.status).headers(NOT_KEPT).send({ error: fault.error, error_description: fault.message });
  }
}

function formOf({ body }: FastifyRequest): Form {
  if (typeof body !== "string") {
    throw new OAuthFault("invalid_request", "the body must be application/x-www-form-urlencoded");
  }
  return readForm(body);
}

function clientOf(form: Form): string {
  const client = needed(form, "client_id");
  if (!CLIENT.test(client)) throw new OAuthFault("invalid_request", "client_id: is no name of a client");
  return client;
}
