import type { Clock } from "@holdfast/runtime";

const MOST_SUBJECTS = 1_000;

/** Lets a message about a subject through once in a while, with how many were held back: a flood must not fill the log. */
export class Sparingly {
  readonly #clock: Clock;
  readonly #every: number;
  readonly #subjects = new Map<string, { at: number; heldBack: number }>();

  /** `every` in milliseconds. */
  constructor(clock: Clock, every: number) {
    this.#clock = clock;
    this.#every = every;
  }

  say(subject: string, message: (heldBack: number) => void): void {
    const now = this.#clock.monotonic();
    const last = this.#subjects.get(subject);
    if (last && now - last.at < this.#every) {
      last.heldBack++;
      return;
    }
    if (this.#subjects.size >= MOST_SUBJECTS) this.#subjects.clear();
    this.#subjects.set(subject, { at: now, heldBack: 0 });
    message(last?.heldBack ?? 0);
  }
}
