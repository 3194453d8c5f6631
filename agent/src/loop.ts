import { type Clock, type Log, messageOf } from "@holdfast/runtime";

export interface LoopOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds until the next run, asked after each; undefined sleeps until woken. */
  readonly every: () => number | undefined;
  /** Throwing is logged; the next run comes all the same. */
  readonly run: (signal: AbortSignal) => Promise<void> | void;
  /** Whether the first run comes at once or after the first pause. */
  readonly begin: "at-once" | "after-pause";
}

export interface Loop {
  /** Runs now instead of at the end of the pause; during a run, once more after it. */
  wake(): void;
  /** Stops; resolves when the current run is over. */
  close(): Promise<void>;
}

const FOREVER = 86_400_000;

/** Runs something again and again, one run at a time, with a pause between that can be cut short. */
export function startLoop({ name, clock, log, every, run, begin }: LoopOptions): Loop {
  const stopped = new AbortController();
  let pause = new AbortController();
  let woken = begin === "at-once";

  async function rest(): Promise<void> {
    pause = new AbortController();
    if (woken) return;
    await clock.sleep(every() ?? FOREVER, pause.signal).then(
      () => {
        woken = every() !== undefined;
      },
      () => undefined,
    );
  }

  async function repeat(): Promise<void> {
    while (!stopped.signal.aborted) {
      await rest();
      if (stopped.signal.aborted) return;
      if (!woken) continue;
      woken = false;
      try {
        await run(stopped.signal);
      } catch (error) {
        if (!stopped.signal.aborted) log.warn({ loop: name, error: messageOf(error) }, "failed, will run again");
      }
    }
  }

  const repeating = repeat();
  return {
    wake: () => {
      woken = true;
      pause.abort();
    },
    close: async () => {
      stopped.abort(new Error("stopped"));
      pause.abort();
      await repeating;
    },
  };
}
