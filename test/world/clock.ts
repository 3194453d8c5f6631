import { type Clock, minutes, systemClock } from "@holdfast/runtime";
import { simulation } from "../simulation/simulation.ts";

/** How late what is due may come while nobody looks. */
const LATE = minutes(15);

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

  /** Lets so many milliseconds pass in which nobody looks: whatever is due comes up to a quarter of an hour late. */
  async idle(milliseconds: number): Promise<void> {
    const { time } = simulation();
    time.comesLate(LATE);
    await this.sleep(Math.max(0, milliseconds - LATE)).finally(() => time.comesLate(0));
    // What was put off comes now, so that nothing is late any more in the end.
    await this.sleep(LATE);
  }

  /** So many milliseconds later, without anybody having done anything meanwhile. */
  leap(milliseconds: number): void {
    simulation().time.leap(milliseconds);
  }
}
