import { type Clock, Fault } from "@holdfast/runtime";
import type { FastifyRequest } from "fastify";
import { TooOften } from "./errors.ts";
import { networkOf } from "./network-of.ts";
import type { Principal } from "./principal.ts";
import { RateLimits } from "./rate-limit.ts";

/** What a program lets one caller ask, unless a setting says otherwise, a second. */
export const REQUESTS_PER_SECOND = 200;

/** How many seconds' worth may come at once: a script that asks one thing after the other is no flood. */
const AT_ONCE = 10;

/**
 * How much more goes for what authenticates its callers itself: a thousand sites may be behind one address, and have slots and
 * limits of their own.
 */
const OF_SITES = 50;

/** Says no to who asks too often, before anything is done for them. */
export interface RequestLimits {
  /** Throws TooOften. */
  refuseAddress(request: FastifyRequest): void;
  /** Throws TooOften: who has several addresses is no better off. */
  refuseToken(principal: Principal): void;
}

export function requestLimits({
  requestsPerSecond = 0,
  clock,
}: {
  readonly requestsPerSecond?: number;
  readonly clock: Pick<Clock, "monotonic">;
}): RequestLimits {
  const limitOf = (times: number) => {
    const perSecond = requestsPerSecond * times;
    const limits = new RateLimits({ perSecond, atOnce: perSecond * AT_ONCE }, clock);
    return (caller: string, what: string) => {
      if (perSecond === 0 || limits.allows(caller)) return;
      throw new TooOften(`too many requests ${what}: ${perSecond} a second are taken`, 1);
    };
  };
  const [ofAddress, ofSites, ofToken] = [limitOf(1), limitOf(OF_SITES), limitOf(1)];
  return {
    refuseAddress: (request) => {
      // A path that nobody answers has no configuration.
      const { auth, limit = auth === "own" ? "sites" : "people" } = request.routeOptions?.config ?? {};
      (limit === "sites" ? ofSites : ofAddress)(networkOf(request.ip), "from this address");
    },
    refuseToken: ({ token, actor }) => ofToken(token ?? actor, "with this token"),
  };
}

const ADDRESS = /^[0-9a-f.:]+(\/\d{1,3})?$/i;

/** The addresses and networks in a setting. Throws InvalidArgument naming it for what is neither. */
export function readProxies(setting: string, text: string): readonly string[] {
  const all = text.split(",").map((each) => each.trim());
  const addresses = all.filter((each) => each !== "");
  const wrong = addresses.find((each) => !ADDRESS.test(each));
  if (wrong === undefined) return addresses;
  throw new Fault("InvalidArgument", `${setting}: "${wrong}" is no address, nor a network such as 10.0.0.0/8`);
}
