import { type Clock, systemClock } from "@holdfast/runtime";
import { simulation } from "../simulation/simulation.ts";

/** The simulated clock, which goes on whenever nothing is left to do. */
export class WorldClock implements Clock {
  now(): number {
    return systemClock.now();
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(milliseconds, signal);
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

  /** Lets so many milliseconds pass. */
  async advance(milliseconds: number): Promise<void> {
    await this.sleep(milliseconds);
  }

  /** So many milliseconds later, without anybody having done anything meanwhile. */
  leap(milliseconds: number): void {
    simulation().time.leap(milliseconds);
  }
}
