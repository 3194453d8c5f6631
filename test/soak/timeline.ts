import { appendFileSync } from "node:fs";
import { systemClock } from "@holdfast/runtime";

/** What was done to the programs and when, in a file that is there also when this process is not any more. */
export class Timeline {
  readonly #file: string;
  readonly #began = systemClock.monotonic();
  readonly #counts = new Map<string, number>();
  /** The longest that a program has taken until it did its work, milliseconds. */
  longestStart = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** Milliseconds since the soak began. */
  get at(): number {
    return Math.round(systemClock.monotonic() - this.#began);
  }

  note(event: string, about: string, more: Readonly<Record<string, unknown>> = {}): void {
    const time = new Date(systemClock.now()).toISOString();
    appendFileSync(this.#file, `${JSON.stringify({ at: this.at, time, event, about, ...more })}\n`);
  }

  /** Notes something that is counted. */
  count(event: string, about: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.note(event, about, more);
    this.#add(event, about);
  }

  started(program: string, pid: number | undefined, took: number): void {
    this.note("started", program, { pid, took });
    this.longestStart = Math.max(this.longestStart, took);
  }

  #add(event: string, about: string): void {
    const name = `${event}\n${about}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** How often something happened, by what it happened to. */
  counts(event: string): ReadonlyMap<string, number> {
    const found = [...this.#counts].filter(([name]) => name.startsWith(`${event}\n`));
    return new Map(found.map(([name, count]) => [name.slice(event.length + 1), count]));
  }

  total(event: string): number {
    return [...this.counts(event).values()].reduce((sum, each) => sum + each, 0);
  }
}
