import { networkOf } from "@holdfast/inventory/api/network-of";
import { RateLimits } from "@holdfast/inventory/api/rate-limit";
import type { Clock } from "@holdfast/runtime";

const AN_HOUR = 20;
const ADDRESSES = 50;

/**
 * Which refusals are in the audit log one by one: twenty an hour of an address or IPv6 network, and of all fifty times as many.
 * Anybody can be refused as often as they like, and an entry stays for ever: what is too many is counted in the next.
 */
export class RefusalsTold {
  readonly #limits: RateLimits;
  #untold = 0;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#limits = new RateLimits({ perSecond: AN_HOUR / 3_600, atOnce: AN_HOUR, addresses: ADDRESSES }, clock);
  }

  /** How many were not told of since the last that was; undefined: this one is not either. */
  tell(address: string): number | undefined {
    if (!this.#limits.allows(networkOf(address))) {
      this.#untold += 1;
      return undefined;
    }
    const untold = this.#untold;
    this.#untold = 0;
    return untold;
  }
}
