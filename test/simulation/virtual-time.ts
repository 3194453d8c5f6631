const { setImmediate: turnOfThePlatform } = globalThis;

/** Something that will happen. */
export interface Due {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** What is due sooner is never put off, milliseconds: bytes on their way, turns of a protocol. */
const SOON = 1_000;

/**
 * Time as a queue: whenever nothing is left to do at a moment, the next moment at which something is due begins. What is due
 * at the same moment comes in the order in which it was asked for, so a run depends on nothing but its seed.
 */
export class VirtualTime {
  #now: number;
  readonly #epoch: number;
  #order = 0;
  readonly #queue = new Heap();
  readonly #forgotten = new Set<number>();
  /** Turns of the loop that somebody has asked for; time goes on when all were had. */
  turnsAsked = 0;
  #wakePump: (() => void) | undefined;
  #isStopped = false;
  #slack = 0;
  /** How often something was due. */
  events = 0;

  constructor(epoch: number) {
    this.#epoch = epoch;
    this.#now = epoch;
    void this.#pump();
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#now;
  }

  /** Milliseconds since the simulation began. */
  monotonic(): number {
    return this.#now - this.#epoch;
  }

  /** Does something so many milliseconds from now, whatever program asks for it; returns how to call it off. */
  after(milliseconds: number, fire: () => void): () => void {
    const due = this.plan(milliseconds, fire);
    return () => this.forget(due);
  }

  /** Time goes on, and nobody has a turn meanwhile, as when a machine is suspended: what was due comes late. */
  leap(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /**
   * From now on what is due comes up to so many milliseconds late, and together with the rest, as on a machine that saves
   * power: an hour in which nobody waits for anything costs a hundredth. 0 for exact time.
   */
  comesLate(slack: number): void {
    this.#slack = slack;
  }

  plan(milliseconds: number, fire: () => void): Due {
    this.#order += 1;
    const at = this.#now + Math.max(0, milliseconds);
    const isPutOff = this.#slack > 0 && milliseconds >= SOON;
    const due = { at: isPutOff ? Math.ceil(at / this.#slack) * this.#slack : at, order: this.#order, fire };
    if (!this.#isStopped) this.#queue.push(due);
    this.#wakePump?.();
    return due;
  }

  forget({ order }: Due): void {
    this.#forgotten.add(order);
  }

  /** Nothing that is due comes any more, and none of it is kept. */
  stop(): void {
    this.#isStopped = true;
    this.#queue.clear();
    this.#forgotten.clear();
    this.#wakePump?.();
  }

  async #pump(): Promise<void> {
    const turn = () => new Promise<void>((resolve) => turnOfThePlatform(resolve));
    while (!this.#isStopped) {
      // One turn lets promises and ticks run; what asked for another turn gets it before time goes on.
      do await turn();
      while (this.turnsAsked > 0);
      const due = this.#queue.pop();
      if (!due) {
        await new Promise<void>((resolve) => {
          this.#wakePump = resolve;
        });
        this.#wakePump = undefined;
        continue;
      }
      if (this.#forgotten.delete(due.order)) continue;
      this.#now = Math.max(this.#now, due.at);
      this.events += 1;
      due.fire();
    }
  }
}

/** What is due next is first. */
class Heap {
  readonly #items: Due[] = [];

  push(due: Due): void {
    const items = this.#items;
    let at = items.length;
    items.push(due);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent] as Due;
      if (!isBefore(due, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = due;
  }

  clear(): void {
    this.#items.length = 0;
  }

  pop(): Due | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      const right = items[child + 1];
      if (right && isBefore(right, items[child] as Due)) child += 1;
      const below = items[child] as Due;
      if (!isBefore(below, last)) break;
      items[at] = below;
      at = child;
    }
    items[at] = last;
    return first;
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
