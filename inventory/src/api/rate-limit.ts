import type { Clock } from "@holdfast/runtime";

/** So much a second, and some at once: a bucket that fills again as time goes by. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #atOnce: number;
  readonly #clock: Pick<Clock, "monotonic">;
  #left: number;
  #at: number;

  constructor({ perSecond, atOnce }: { perSecond: number; atOnce: number }, clock: Pick<Clock, "monotonic">) {
    this.#perSecond = perSecond;
    this.#atOnce = atOnce;
    this.#clock = clock;
    this.#left = atOnce;
    this.#at = clock.monotonic();
  }

  /** Whether one more may go; it has gone then. */
  allows(): boolean {
    const now = this.#clock.monotonic();
    this.#left = Math.min(this.#atOnce, this.#left + ((now - this.#at) * this.#perSecond) / 1_000);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** As many are remembered: memory is bounded however many ask, and who was forgotten begins with a full bucket. */
const KEPT = 10_000;

/** The same for each address, or whatever else tells callers apart, by itself; and so many times as much over all. */
export class RateLimits {
  readonly #each: { perSecond: number; atOnce: number };
  readonly #all: RateLimit | undefined;
  readonly #clock: Pick<Clock, "monotonic">;
  /** The one that was longest not heard first. */
  readonly #of = new Map<string, RateLimit>();

  constructor(each: { perSecond: number; atOnce: number; addresses?: number }, clock: Pick<Clock, "monotonic">) {
    const { perSecond, atOnce, addresses } = each;
    this.#each = { perSecond, atOnce };
    if (addresses !== undefined) {
      this.#all = new RateLimit({ perSecond: perSecond * addresses, atOnce: atOnce * addresses }, clock);
    }
    this.#clock = clock;
  }

  /** Whether one more may go from an address; it has gone then. */
  allows(address: string): boolean {
    const own = this.#of.get(address) ?? new RateLimit(this.#each, this.#clock);
    this.#of.delete(address);
    this.#of.set(address, own);
    for (const oldest of this.#of.keys()) {
      if (this.#of.size <= KEPT) break;
      this.#of.delete(oldest);
    }
    return own.allows() && (this.#all?.allows() ?? true);
  }
}
