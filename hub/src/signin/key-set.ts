import { type Clock, Fault, type Log, messageOf, minutes, seconds } from "@holdfast/runtime";
import { createLocalJWKSet, errors, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from "jose";

/** After so long the keys are asked for again, while those at hand go on. */
const FRESH_FOR = minutes(10);
/** Nobody makes the hub ask more often, whatever key ids they make up. */
const ASKED_EVERY = seconds(30);

export interface KeySetParts {
  /** URL of the issuer, as its tokens name it. */
  readonly issuer: string;
  /** Fetches a JSON document. */
  readonly get: (url: string) => Promise<unknown>;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Log;
}

type LocalSet = ReturnType<typeof createLocalJWKSet>;

/**
 * The keys by which an issuer signs, found by discovery and asked for again when an unknown one is named. While the issuer is
 * not there the keys that were got last go on.
 */
export function createKeySet({ issuer, get, clock, log }: KeySetParts) {
  let held: { readonly keys: LocalSet; readonly at: number } | undefined;
  let askedAt: number | undefined;
  let asking: Promise<void> | undefined;

  async function fetchKeys(): Promise<void> {
    try {
      const found = (await get(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`)) as Discovered;
      if (found?.issuer !== issuer) throw new TypeError(`it calls itself ${String(found?.issuer)}`);
      held = { keys: createLocalJWKSet((await get(keysUrl(issuer, found))) as JSONWebKeySet), at: clock.monotonic() };
    } catch (error) {
      const level = held ? "warn" : "error";
      log[level]({ issuer, error: messageOf(error) }, "the keys of the OpenID Connect provider could not be had");
    }
  }

  /** Asks, unless it was asked a moment ago; whoever comes meanwhile waits for the same answer. */
  async function ask(): Promise<void> {
    if (!asking && askedAt !== undefined && clock.monotonic() - askedAt < ASKED_EVERY) return;
    if (!asking) {
      askedAt = clock.monotonic();
      asking = fetchKeys().finally(() => {
        asking = undefined;
      });
    }
    return asking;
  }

  /** The key of a token's header. Throws Unavailable while none could ever be had, and what jose throws for an unknown one. */
  return async function keyOf(header: JWSHeaderParameters, token: FlattenedJWSInput) {
    if (!held) await ask();
    else if (clock.monotonic() - held.at > FRESH_FOR) void ask();
    if (!held)
      throw new Fault("Unavailable", "the OpenID Connect provider cannot be reached, and its keys are not known yet");
    try {
      return await held.keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await ask();
      return held.keys(header, token);
    }
  };
}

interface Discovered {
  readonly issuer?: unknown;
  readonly jwks_uri?: unknown;
}

/** Keys come by no worse way than the one by which their place became known. */
function keysUrl(issuer: string, { jwks_uri }: Discovered): string {
  const url = URL.parse(String(jwks_uri));
  if (!url || (url.protocol !== "https:" && url.protocol !== new URL(issuer).protocol)) {
    throw new TypeError(`jwks_uri ${String(jwks_uri)} is no place for keys`);
  }
  return url.href;
}
