interface Lane {
  tail: Promise<void>;
  waiting: number;
}

/** Runs tasks one after another within a lane, and lanes beside each other. A lane exists while it has a task. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  /** Runs a task when all before it in its lane have ended, whichever way. Settles as the task does. */
  run(name: string, task: () => Promise<void>): Promise<void> {
    const lane = this.#lanes.get(name) ?? { tail: Promise.resolve(), waiting: 0 };
    this.#lanes.set(name, lane);
    lane.waiting++;
    const result = lane.tail.then(task).finally(() => {
      lane.waiting--;
      if (lane.waiting === 0) this.#lanes.delete(name);
    });
    lane.tail = result.catch(() => undefined);
    return result;
  }

  /** How many tasks of a lane have not ended. */
  depth(name: string): number {
    return this.#lanes.get(name)?.waiting ?? 0;
  }

  /** Resolves when what is in the lane now has ended. */
  async settled(name: string): Promise<void> {
    await this.#lanes.get(name)?.tail;
  }

  async allSettled(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map(({ tail }) => tail));
  }
}
