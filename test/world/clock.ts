import { type Clock, systemClock } from "@holdfast/runtime";
import { simulation } from "../simulation/simulation.ts";

/** The simulated clock, as one program sees it. */
export class WorldClock implements Clock {
  /** By how much it is wrong, milliseconds. */
  ahead = 0;

  now(): number {
    return systemClock.now() + this.ahead;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(milliseconds, signal);
  }

  /** The same time, shown by a clock that was set to `now`. */
  showing(now: number): WorldClock {
    return Object.assign(new WorldClock(), { ahead: now - systemClock.now() });
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
