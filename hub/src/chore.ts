import { type Clock, type Closable, type Log, messageOf } from "@holdfast/runtime";

interface Chore {
  /** What is done, for the log. */
  readonly name: string;
  /** Milliseconds from the end of one time to the beginning of the next. */
  readonly every: number;
  /** Does it; returns how many there were to do. */
  work(): Promise<number>;
}

/** Does a chore now and then again, until closed. A failure is logged, and it is tried again in its time. */
export function startChore({ name, every, work }: Chore, { clock, log }: { clock: Clock; log: Log }): Closable {
  const stopped = new AbortController();

  async function repeat(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        const done = await work();
        if (done > 0) log.info({ chore: name, done }, "a chore is done");
      } catch (error) {
        log.warn({ chore: name, error: messageOf(error) }, "a chore failed, it will be tried again");
      }
      await clock.sleep(every, stopped.signal).catch(() => undefined);
    }
  }

  const ended = repeat();
  return {
    async close() {
      stopped.abort(new Error("stopped"));
      await ended;
    },
  };
}
