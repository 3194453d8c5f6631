import type { Store, View } from "@holdfast/inventory";
import type { Principal } from "@holdfast/inventory/api/principal";
import { type Clock, Fault, type Log, messageOf } from "@holdfast/runtime";
import { decodeJwt, type JWTPayload, jwtVerify } from "jose";
import { getJson } from "./get-json.ts";
import { createKeySet, type KeySetParts } from "./key-set.ts";
import { grantsOf, type RolePlace, readRealmRole } from "./role-place.ts";

export interface ProviderConfig {
  /** As its tokens name it. */
  readonly issuer: string;
  /** Who its tokens must be for. */
  readonly audience: string;
  /** Where its tokens name roles: names with dots between. */
  readonly rolesClaim: string;
}

export interface ProviderParts extends ProviderConfig {
  readonly store: Pick<Store, "read">;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly log: Log;
  readonly get?: KeySetParts["get"];
}

/** An issuer of tokens beside the hub: any that speaks OpenID Connect. */
export interface Provider {
  /** Whether a token says that it is of this one; nothing is proved by that. */
  issued(token: string): boolean;
  /** Who comes with one of its access tokens. Throws Unauthenticated, and Unavailable while its keys could never be had. */
  bearer(token: string): Promise<Principal>;
}

/** All of them need a pair of keys: whoever can check such a token cannot make one. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** How far clocks may be apart, seconds. */
const SKEW = 30;

export function createProvider(parts: ProviderParts): Provider {
  const { issuer, audience, rolesClaim, store, clock, log, get = getJson } = parts;
  const keyOf = createKeySet({ issuer, get, clock, log });

  async function verified(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, keyOf, {
        ...{ issuer, audience, algorithms: ALGORITHMS, clockTolerance: SKEW },
        ...{ currentDate: new Date(clock.now()), requiredClaims: ["exp", "sub"] },
      });
      return payload;
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      log.debug({ issuer, error: messageOf(cause) }, "a token of the OpenID Connect provider was refused");
      throw new Fault("Unauthenticated", "the token is not good, or has expired", { cause });
    }
  }

  return {
    issued(token) {
      try {
        return decodeJwt(token).iss === issuer;
      } catch {
        return false;
      }
    },
    async bearer(token) {
      const payload = await verified(token);
      const roles = rolesAt(payload, rolesClaim);
      return store.read(async (view) => ({ actor: actorOf(payload), grants: grantsOf(await placed(view, roles)) }));
    },
  };
}

/** What the claim names; a text is taken as names with blanks between, as OAuth 2.0 writes scopes. */
function rolesAt(payload: JWTPayload, claim: string): readonly string[] {
  let value: unknown = payload;
  for (const name of claim.split(".")) {
    const known = typeof value === "object" && value !== null && Object.hasOwn(value, name);
    value = known ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  }
  const names = typeof value === "string" ? value.split(/\s+/) : Array.isArray(value) ? value : [];
  return names.filter((name) => typeof name === "string");
}

/** The roles that are of this hub, and of projects and organisations that there are. */
async function placed(view: View, names: readonly string[]): Promise<RolePlace[]> {
  const known = names.flatMap((name) => readRealmRole(name) ?? []);
  const standing = await standingPlaces(view, new Set(known.map(({ place }) => place).filter((place) => place !== "")));
  return known.filter(({ place }) => place === "" || standing.has(place));
}

/** Those that there are of the ids of projects and organisations. */
async function standingPlaces(view: View, ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  if (ids.size === 0) return ids;
  const marks = [...ids].map(() => "?").join(", ");
  const rows = await view.rows<{ readonly id: string }>(
    `select tenant_id as id from tenant where tenant_id in (${marks})
    union all select id from organisation where id in (${marks})`,
    [...ids, ...ids],
  );
  return new Set(rows.map(({ id }) => id));
}

const NAME = /^[\x21-\x7e]{1,64}$/;

/** By the subject, which alone is never another's, with the name that people know. */
function actorOf({ sub = "", preferred_username: name }: JWTPayload): string {
  const subject = sub.replaceAll(/[^\x21-\x7e]/g, "?").slice(0, 128);
  return typeof name === "string" && NAME.test(name) && name !== sub ? `oidc:${name}#${subject}` : `oidc:${subject}`;
}
