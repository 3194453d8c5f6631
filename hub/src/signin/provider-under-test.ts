import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";
// @ts-expect-error: it comes without types
import OidcProvider from "oidc-provider";

/** An OpenID Connect provider of a test's own. */
export interface ProviderUnderTest extends AsyncDisposable {
  readonly issuer: string;
  /** An access token for the audience, with these claims beside its own. */
  token(claims: object, more?: { readonly audience?: string }): Promise<string>;
  /** Signs by another key from now on, and knows the one before no more. */
  changeKey(): Promise<JWK>;
  /** Answers nobody until it is back. */
  isAway: boolean;
}

const AUDIENCE = "holdfast";

export async function startProvider(algorithm: "ES256" | "RS256" = "ES256"): Promise<ProviderUnderTest> {
  let answer: (...of: unknown[]) => void = () => undefined;
  let claims: object = {};
  let audience = AUDIENCE;
  let keys = 0;
  const server = createServer((request, response) => {
    if (it.isAway) return request.socket.destroy();
    return answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function changeKey(): Promise<JWK> {
    keys += 1;
    const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), alg: algorithm, use: "sig", kid: `key-${keys}` };
    const provider = new OidcProvider(issuer, {
      jwks: { keys: [jwk] },
      clients: [
        {
          ...{ client_id: "app", client_secret: "secret", grant_types: ["client_credentials"] },
          ...{ redirect_uris: [], response_types: [], id_token_signed_response_alg: algorithm },
        },
      ],
      extraTokenClaims: () => claims,
      ttl: { ClientCredentials: 300 },
      cookies: { keys: ["of a test"] },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => "urn:holdfast",
          useGrantedResource: () => true,
          getResourceServerInfo: () => {
            return {
              scope: "",
              audience,
              accessTokenFormat: "jwt",
              accessTokenTTL: 300,
              jwt: { sign: { alg: algorithm } },
            };
          },
        },
      },
    });
    answer = provider.callback();
    return jwk;
  }

  const it: ProviderUnderTest = {
    issuer,
    isAway: false,
    changeKey,
    async token(wanted, more = {}) {
      claims = wanted;
      audience = more.audience ?? AUDIENCE;
      const answered = await fetch(`${issuer}/token`, {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials" }),
        headers: { authorization: `Basic ${Buffer.from("app:secret").toString("base64")}` },
      });
      const { access_token } = (await answered.json()) as { readonly access_token: string };
      return access_token;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  await changeKey();
  return it;
}
