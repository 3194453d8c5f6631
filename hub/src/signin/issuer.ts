import { randomUUID } from "node:crypto";
import { audit, type Store, type View } from "@holdfast/inventory";
import type { Principal } from "@holdfast/inventory/api/principal";
import { type Clock, Fault } from "@holdfast/runtime";
import { type JWTPayload, jwtVerify, SignJWT } from "jose";
import type { AddressPatience } from "./address-patience.ts";
import type { Attempt, Credentials } from "./attempt.ts";
import { keepNewest } from "./keep-newest.ts";
import { ALGORITHM, type Keys, LONGEST_SESSION } from "./keys.ts";
import { OAuthFault } from "./oauth-fault.ts";
import { organisationIds } from "./organisation-ids.ts";
import { grantsOf, realmRoles } from "./role-place.ts";
import { endSession, type Session, userOf } from "./session.ts";
import type { UserRow } from "./tables.ts";
import { rolesOf } from "./users.ts";

/** Who a token is for: this hub's API. */
export const AUDIENCE = "holdfast";

/** Of a role in all projects, so many projects are named in a token: it must fit a header, and the hub asks itself. */
const NAMED_PROJECTS = 50;

export interface Lifetimes {
  readonly accessSeconds: number;
  readonly refreshSeconds: number;
}

/** RFC 6749 §5.1, with what Keycloak adds. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly expires_in: number;
  readonly refresh_token: string;
  readonly refresh_expires_in: number;
  readonly token_type: "Bearer";
  readonly "not-before-policy": 0;
  readonly session_state: string;
  readonly scope: string;
}

/** Who asks for tokens: the client that they name, the issuer's own URL as they know it, and from where. */
export interface Asker {
  readonly client: string;
  readonly issuer: string;
  readonly address: string;
}

export interface IssuerParts {
  readonly store: Pick<Store, "read" | "write">;
  readonly keys: Keys;
  readonly attempt: Attempt;
  readonly addresses: Pick<AddressPatience, "wasRight">;
  readonly clock: Pick<Clock, "now">;
  readonly lifetimes: Lifetimes;
  /** What the issuer is called, when it is called so by everybody. */
  readonly issuer?: string;
}

/** The hub's own issuer of tokens, for those who have no other. */
export interface Issuer {
  /** Throws an OAuthFault. */
  signIn(credentials: Credentials, asker: Asker): Promise<TokenAnswer>;
  /** The refresh token stays what it is and may be used again, at the same time too. Throws an OAuthFault. */
  refresh(token: string, asker: Asker): Promise<TokenAnswer>;
  /** Ends the session of a refresh or access token; one that opens nothing anyway is passed over. */
  end(token: string): Promise<void>;
  /**
   * Who comes with an access token, by their roles as they are now. Throws Unauthenticated.
   */
  bearer(token: string): Promise<Principal>;
}

interface Claims extends JWTPayload {
  readonly typ?: unknown;
  readonly azp?: unknown;
  readonly sid?: unknown;
  readonly count?: unknown;
}

/** What is held of a token that was found to be signed by us. */
interface Read {
  readonly session: Session;
  readonly client: string;
  /** Id of the key that signed it. */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

export function createIssuer({ store, keys, attempt, addresses, clock, lifetimes, issuer: only }: IssuerParts): Issuer {
  const sign = async (claims: Claims) => {
    const { id: kid, sign: key } = await keys.signing();
    return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, kid, typ: "JWT" }).sign(key);
  };

  async function read(token: string, typ: "Bearer" | "Refresh"): Promise<Read | undefined> {
    try {
      const { payload, protectedHeader } = await jwtVerify<Claims>(
        token,
        async ({ kid = "" }) => {
          const key = await keys.withId(kid);
          if (!key) throw new TypeError("the key is none of ours");
          return key.verify;
        },
        {
          algorithms: [ALGORITHM],
          currentDate: new Date(clock.now()),
          ...(only === undefined ? {} : { issuer: only }),
          ...(typ === "Bearer" ? { audience: AUDIENCE } : {}),
        },
      );
      const { sub, sid, count, azp, exp } = payload;
      if (payload.typ !== typ || typeof azp !== "string" || typeof sid !== "string") return undefined;
      if (typeof sub !== "string" || typeof count !== "number" || exp === undefined) return undefined;
      return {
        session: { id: sid, user: sub, count },
        client: azp,
        key: protectedHeader.kid ?? "",
        expires: exp * 1_000,
      };
    } catch {
      return undefined;
    }
  }

  async function answer(
    { session, user, until }: { session: Session; user: UserRow; until: number },
    { client, issuer }: Asker,
    refresh?: string,
  ): Promise<TokenAnswer> {
    const roles = await store.read((view) => rolesNamed(view, user.id));
    const now = Math.floor(clock.now() / 1_000);
    const about = { iss: issuer, sub: user.id, azp: client, sid: session.id, count: session.count, iat: now };
    const expires = Math.min(now + lifetimes.accessSeconds, Math.floor(until / 1_000));
    return {
      access_token: await sign({
        ...about,
        ...{ typ: "Bearer", aud: [AUDIENCE, "account"], jti: randomUUID(), exp: expires },
        ...{ preferred_username: user.name, realm_access: { roles }, scope: SCOPE },
      }),
      expires_in: expires - now,
      refresh_token:
        refresh ??
        (await sign({ ...about, typ: "Refresh", aud: issuer, jti: randomUUID(), exp: Math.floor(until / 1_000) })),
      refresh_expires_in: Math.floor(until / 1_000) - now,
      token_type: "Bearer",
      "not-before-policy": 0,
      session_state: session.id,
      scope: SCOPE,
    };
  }

  const verified = rememberer<Read>();

  return {
    async signIn(credentials, asker) {
      const user = await attempt(credentials);
      const session = { id: `session-${randomUUID()}`, user: user.id, count: user.session };
      const by = { ...{ actor: `user:${user.name}`, token: session.id }, address: credentials.address };
      const after = { client: asker.client };
      await store.write((tx) =>
        audit(tx, {
          by: { ...by, request: credentials.request },
          ...{ at: clock.now(), kind: "session", id: session.id, operation: "create" as const, after },
        }),
      );
      return answer({ session, user, until: clock.now() + lifetimes.refreshSeconds * 1_000 }, asker);
    },
    async refresh(token, asker) {
      const found = await read(token, "Refresh");
      const user = found && (await store.read((view) => userOf(view, found.session)));
      if (!found || !user) throw new OAuthFault("invalid_grant", "the session is over: sign in again");
      if (found.client !== asker.client) {
        throw new OAuthFault("invalid_grant", "the refresh token was given to another client_id");
      }
      addresses.wasRight({ address: asker.address, name: user.name });
      return answer({ session: found.session, user, until: found.expires }, asker, token);
    },
    async end(token) {
      const found = (await read(token, "Refresh")) ?? (await read(token, "Bearer"));
      if (!found) return;
      // It may have begun when sessions were longer, and an access token does not say how long its own one is.
      const until = Math.max(found.expires, clock.now() + LONGEST_SESSION);
      await store.write((tx) => endSession(tx, { id: found.session.id, until, now: clock.now() }));
    },
    async bearer(token) {
      const found = await verified(token, () => read(token, "Bearer"));
      // A token that was found good before may since have lost its time or its key.
      if (!found || clock.now() >= found.expires || !(await keys.withId(found.key)))
        throw new Fault("Unauthenticated", "the token is not good, or has expired");
      return store.read(async (view) => {
        const user = await userOf(view, found.session);
        if (!user) throw new Fault("Unauthenticated", "the session is over: sign in again");
        const grants = grantsOf(await rolesOf(view, user.id));
        return { actor: `user:${user.name}`, grants, token: found.session.id };
      });
    },
  };
}

const SCOPE = "profile email";

async function rolesNamed(view: View, user: string): Promise<string[]> {
  const projects = (await view.tenants()).slice(0, NAMED_PROJECTS).map(({ id }) => id);
  const organisations = await organisationIds(view, NAMED_PROJECTS);
  return realmRoles(await rolesOf(view, user), { projects, organisations });
}

const REMEMBERED = 1_000;

/** Remembers the newest answers to what costs time to find out, by a text. What was not found is not remembered. */
function rememberer<T>() {
  const known = new Map<string, T>();
  return async (text: string, find: () => Promise<T | undefined>): Promise<T | undefined> => {
    const standing = known.get(text);
    if (standing !== undefined) return standing;
    const found = await find();
    if (found === undefined) return undefined;
    keepNewest(known, { key: text, value: found, most: REMEMBERED });
    return found;
  };
}
