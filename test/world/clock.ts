import { type Clock, systemClock } from "@holdfast/runtime";

interface Sleeper {
  readonly due: number;
  wake(): void;
}

/**
 * A clock that goes at the usual pace and can be pushed forward: whoever sleeps wakes when its time has come, in the
 * order in which the times come. Sockets know nothing of it, so a push is made in steps that leave them time.
 */
export class WorldClock implements Clock {
  #ahead = 0;
  readonly #sleepers = new Set<Sleeper>();

  now(): number {
    return systemClock.now() + this.#ahead;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#ahead;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const settle = (done: () => void) => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", abort);
        clearTimeout(timer);
        done();
      };
      const abort = () => settle(() => reject(signal?.reason));
      const sleeper: Sleeper = { due: this.monotonic() + milliseconds, wake: () => settle(resolve) };
      const timer = setTimeout(sleeper.wake, Math.min(milliseconds, 2 ** 31 - 1));
      signal?.addEventListener("abort", abort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** The same time, shown by a clock that was set to `now`. */
  showing(now: number): Clock {
    const wrong = now - this.now();
    return {
      now: () => this.now() + wrong,
      monotonic: () => this.monotonic(),
      sleep: (milliseconds, signal) => this.sleep(milliseconds, signal),
    };
  }

  /**
   * Pushes the clock forward by so many milliseconds, a second at a time unless told otherwise: in a longer step, whoever
   * must be heard every few seconds is missed.
   */
  async advance(milliseconds: number, step = 1_000): Promise<void> {
    for (let left = milliseconds; left > 0; left -= step) {
      this.#ahead += Math.min(left, step);
      const due = [...this.#sleepers].filter((sleeper) => sleeper.due <= this.monotonic());
      for (const sleeper of due.toSorted((a, b) => a.due - b.due)) sleeper.wake();
      await systemClock.sleep(15);
    }
  }
}
