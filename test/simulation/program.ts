import { AsyncLocalStorage } from "node:async_hooks";

/** Thrown into a program at the moment of its death, and whenever what is left of it touches the world. */
export class Killed extends Error {
  constructor(name: string) {
    super(`${name} was killed`);
  }
}

const inside = new AsyncLocalStorage<Program>();

/**
 * One life of one program of a simulation: all that runs in it, however it came to run. When it is killed, what it has open
 * is closed as a kernel closes it, its timers never fire and nothing it does is seen any more.
 */
export class Program {
  readonly name: string;
  #isAlive = true;
  readonly #belongings = new Set<() => void>();
  /** Counts down to the death that was ordered. */
  #countdown: { left: number; at: (point: KillPoint) => boolean; onKilled: (point: KillPoint) => void } | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The program that is running now; undefined for the world around. */
  static get current(): Program | undefined {
    return inside.getStore();
  }

  run<T>(work: () => T): T {
    return inside.run(this, work);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Has something closed when the program is killed; returns how to say that it is closed already. */
  owns(release: () => void): () => void {
    this.#belongings.add(release);
    return () => this.#belongings.delete(release);
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#countdown = undefined;
    for (const release of [...this.#belongings].toReversed()) release();
    this.#belongings.clear();
  }

  /** Throws when the program is dead. */
  mustBeAlive(): void {
    if (!this.#isAlive) throw new Killed(this.name);
  }

  /** Kills it when it has passed so many more of the points that count. */
  killAfter(points: number, at: (point: KillPoint) => boolean, onKilled: (point: KillPoint) => void): void {
    this.#countdown = { left: points, at, onKilled };
  }

  /** Something that a crash may come before or after. Throws Killed when it does. */
  passes(point: KillPoint): void {
    this.mustBeAlive();
    const due = this.#countdown;
    if (!due?.at(point)) return;
    due.left -= 1;
    if (due.left > 0) return;
    due.onKilled(point);
    this.kill();
    throw new Killed(this.name);
  }
}

/** Where a program may be killed: before or after it commits, sends bytes, or puts a file in place. */
export type KillPoint = `${"before" | "after"} ${"commit" | "send" | "file"}`;

/** Has the current program pass a point, before and after what is done there. */
export function betweenKillPoints<T>(what: "commit" | "send" | "file", work: () => T): T {
  const program = Program.current;
  program?.passes(`before ${what}`);
  const result = work();
  program?.passes(`after ${what}`);
  return result;
}
