import { AsyncLocalStorage } from "node:async_hooks";

/** Thrown into a program at the moment of its death, and whenever what is left of it touches the world. */
export class Killed extends Error {
  constructor(name: string) {
    super(`${name} was killed`);
  }
}

/** A death that comes when so many points were passed, or earlier, at a place that is chosen. */
export interface OrderedDeath {
  points: number;
  readonly at: readonly KillPoint[];
  /** Whether it comes at this point, told in the words of `onKilled`. */
  readonly isChosen?: (where: string) => boolean;
  /** Told where in the program it was, in words that are the same each time. */
  readonly onKilled: (where: string) => void;
}

const inside = new AsyncLocalStorage<Program>();
const askedFrom = new AsyncLocalStorage<Error>();

/** Does something that will be under way for a while, noting who asked for it: that is where a death in between will have been. */
export function asAsked<T>(work: () => T): T {
  return inside.getStore() ? askedFrom.run(here(), work) : work();
}

/**
 * One life of one program of a simulation: all that runs in it, however it came to run. When it is killed, what it has open
 * is closed as a kernel closes it, its timers never fire and nothing it does is seen any more.
 */
export class Program {
  readonly name: string;
  #isAlive = true;
  readonly #belongings = new Set<() => void>();
  /** Counts down to the death that was ordered. */
  #ordered: OrderedDeath | undefined;

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

  /** The same for work that takes a while: rejects with Killed when the program is killed before it is done. */
  whole<T>(work: () => Promise<T>): Promise<T> {
    this.mustBeAlive();
    return new Promise((resolve, reject) => {
      const released = this.owns(() => reject(new Killed(this.name)));
      this.run(work).then(resolve, reject).finally(released);
    });
  }

  /** The same for its start: whoever fails to start ends. */
  async starts<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.whole(work);
    } catch (error) {
      this.kill();
      throw error;
    }
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
    this.#ordered = undefined;
    for (const release of [...this.#belongings].toReversed()) release();
    this.#belongings.clear();
  }

  /** Throws when the program is dead. */
  mustBeAlive(): void {
    if (!this.#isAlive) throw new Killed(this.name);
  }

  /** Kills it when it has passed so many more points of the kinds that count. */
  killAfter(ordered: OrderedDeath): void {
    this.#ordered = { ...ordered };
  }

  get isDoomed(): boolean {
    return this.#ordered !== undefined;
  }

  /** Calls off the death that was ordered. */
  spare(): void {
    this.#ordered = undefined;
  }

  /** Something that a crash may come before or after; `what` tells more of it. Throws Killed when it does. */
  passes(point: KillPoint, what?: () => string): void {
    this.mustBeAlive();
    const due = this.#ordered;
    if (!due?.at.includes(point)) return;
    due.points -= 1;
    if (due.points > 0 && !due.isChosen) return;
    const about = what === undefined ? "" : ` of ${what()}`;
    const where = `${point}${about} in ${placeIn(askedFrom.getStore() ?? here())}`;
    if (due.points > 0 && !due.isChosen?.(where)) return;
    this.kill();
    due.onKilled(where);
    throw new Killed(this.name);
  }
}

/** Where a program may be killed: before or after it commits, sends bytes, or puts a file in place. */
export type KillPoint = `${"before" | "after"} ${"commit" | "send" | "file"}`;

/** Has the current program pass a point, before and after what is done there; `about` tells more of it. */
export function betweenKillPoints<T>(what: "commit" | "send" | "file", work: () => T, about?: () => string): T {
  const program = Program.current;
  program?.passes(`before ${what}`, about);
  const result = work();
  program?.passes(`after ${what}`, about);
  return result;
}

/** What is under way, to be put in words when somebody asks: that takes ten times as long. */
function here(): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 100;
  const at = new Error("where it is");
  Error.stackTraceLimit = stackTraceLimit;
  return at;
}

/** The functions of ours that were under way, the innermost first. */
function placeIn({ stack = "" }: Error): string {
  const ours =
    /at (?:async )?(?:(\S+) (?:\[as \w+\] )?\()?\S*\/((?:hub|site-node|agent|inventory|runtime)\/src\/[^:]+):/g;
  return [...stack.matchAll(ours)]
    .filter(([, , file]) => !file?.startsWith("inventory/src/store/"))
    .slice(0, 3)
    .map(([, name = "…", file]) => `${file} ${name}`)
    .join(" < ");
}
