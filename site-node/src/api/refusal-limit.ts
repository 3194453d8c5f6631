import { type Clock, minutes } from "@holdfast/runtime";

const WINDOW = minutes(1);
const REFUSALS = 10;
const ADDRESSES = 10_000;

/**
 * Slows down who guesses: an address that was refused ten times within a minute waits for the minute's end. Admissions
 * do not count, so a rack of machines behind one address enrols at once.
 */
export class RefusalLimit {
  readonly #clock: Clock;
  readonly #refused = new Map<string, { since: number; times: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until this address may ask again; 0 when it may now. */
  waitFor(address: string): number {
    const seen = this.#refused.get(address);
    if (!seen) return 0;
    const left = seen.since + WINDOW - this.#clock.monotonic();
    if (left <= 0) this.#refused.delete(address);
    return left > 0 && seen.times >= REFUSALS ? left : 0;
  }

  refused(address: string): void {
    const seen = this.#refused.get(address) ?? { since: this.#clock.monotonic(), times: 0 };
    seen.times += 1;
    this.#refused.delete(address);
    this.#refused.set(address, seen);
    // Oldest first out: memory is bounded whatever number of addresses asks.
    for (const oldest of this.#refused.keys()) {
      if (this.#refused.size <= ADDRESSES) break;
      this.#refused.delete(oldest);
    }
  }
}
