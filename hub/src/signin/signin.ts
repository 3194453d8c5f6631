import type { Store } from "@holdfast/inventory";
import { type Clock, Fault, type Log } from "@holdfast/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { HubConfig } from "../config.ts";
import type { Tokens } from "../tokens/tokens.ts";
import { AddressPatience } from "./address-patience.ts";
import { createAttempts } from "./attempt.ts";
import { createAuthenticate } from "./authenticate.ts";
import { createIssuer } from "./issuer.ts";
import { openKeys } from "./keys.ts";
import { createPasswords } from "./passwords.ts";
import { createProvider, type ProviderConfig } from "./provider.ts";
import { REALM_PATH } from "./realm.ts";
import { signinRoutes } from "./routes.ts";

export interface SigninParts {
  readonly home: string;
  readonly store: Store;
  readonly tokens: Pick<Tokens, "bearer">;
  readonly config: HubConfig;
  readonly clock: Clock;
  readonly log: Log;
}

/** How people and programs sign in at this hub. */
export async function createSignin({ home, store, tokens, config, clock, log }: SigninParts) {
  const { publicUrl } = config;
  const keys = await openKeys(home, clock);
  const passwords = createPasswords({ memoryKib: config.passwordMemoryKib, passes: config.passwordPasses });
  const addresses = new AddressPatience(clock);
  const attempt = createAttempts({ store, passwords, addresses, clock, log });
  const issuer = createIssuer({
    ...{ store, keys, attempt, addresses, clock },
    lifetimes: { accessSeconds: config.accessTokenSeconds, refreshSeconds: config.refreshTokenHours * 3_600 },
    ...(publicUrl === undefined ? {} : { issuer: `${publicUrl.replace(/\/+$/, "")}${REALM_PATH}` }),
  });
  const provider = providerIn(config);
  const authenticate = createAuthenticate({
    ...{ tokens, issuer },
    provider: provider && createProvider({ ...provider, store, clock, log }),
  });
  return {
    authenticate: (request: FastifyRequest) => authenticate(request),
    routes: (app: FastifyInstance) =>
      signinRoutes(app, {
        issuer,
        keys,
        provider: provider?.issuer,
        ...(publicUrl === undefined ? {} : { publicUrl }),
      }),
  };
}

/** The provider that the settings name. Throws InvalidArgument for half of one. */
function providerIn({ oidcIssuer: issuer, oidcAudience: audience, oidcRolesClaim: rolesClaim }: HubConfig) {
  if (issuer === undefined && audience === undefined) return undefined;
  if (issuer === undefined) throw new Fault("InvalidArgument", "--oidc-issuer is needed with --oidc-audience");
  if (audience === undefined) throw new Fault("InvalidArgument", "--oidc-audience is needed with --oidc-issuer");
  return { issuer, audience, rolesClaim } satisfies ProviderConfig;
}
