import type { Store } from "@holdfast/inventory";
import { type Clock, type Log, messageOf, minutes } from "@holdfast/runtime";
import { readSetting, writeSetting } from "./settings.ts";

const NOTE_EVERY = minutes(1);

/**
 * The wall clock with a floor (rule 22): for what expires, so that a clock that was set back, or that came up with an empty
 * battery, makes nothing valid again. Nothing is ordered or merged by it. Only the site's own clock is ever noted, and only
 * what it showed a minute long: a single wild reading must not make everything expire for ever.
 */
export class TimeFloor {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stopped = new AbortController();
  /** What is the floor now is `floor` and what has passed since then. */
  #floor: number;
  #since: number;
  #shown: { readonly wall: number; readonly monotonic: number };
  #running: Promise<void> | undefined;

  private constructor({ store, clock, log }: TimeFloorOptions, floor: number) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#floor = floor;
    this.#since = clock.monotonic();
    this.#shown = { wall: clock.now(), monotonic: this.#since };
  }

  static async load(options: TimeFloorOptions): Promise<TimeFloor> {
    const floor = await options.store.read((view) => readSetting(view, "timeFloor"));
    return new TimeFloor(options, floor ?? 0);
  }

  /** Milliseconds since the epoch: what the clock shows, but nothing before the latest time noted. Goes on while this runs. */
  flooredNow(): number {
    return Math.max(this.#clock.now(), Math.floor(this.#floor + this.#clock.monotonic() - this.#since));
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Raises the floor to what the clock has shown since it was last looked at. */
  async note(): Promise<void> {
    const [wall, monotonic] = [this.#clock.now(), this.#clock.monotonic()];
    const expected = this.#shown.wall + monotonic - this.#shown.monotonic;
    const reached = this.#floor + monotonic - this.#since;
    this.#shown = { wall, monotonic };
    // The earlier of both: a clock that has jumped ahead is believed when it still shows so the next time.
    this.#floor = Math.max(reached, Math.min(wall, expected));
    this.#since = monotonic;
    const floor = Math.floor(this.#floor);
    await this.#store.write((transaction) => writeSetting(transaction, "timeFloor", floor));
  }

  async close(): Promise<void> {
    this.#stopped.abort(new Error("stopped"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      await this.#clock.sleep(NOTE_EVERY, signal).catch(() => undefined);
      if (signal.aborted) return;
      await this.note().catch((error) => {
        this.#log.warn({ error: messageOf(error) }, "the time could not be noted");
      });
    }
  }
}

export interface TimeFloorOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}
