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
