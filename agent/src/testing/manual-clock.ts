import type { Clock } from "@holdfast/runtime";

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves on, waking sleepers in the order of their times and letting each act before the next. */
  advance(milliseconds: number): Promise<void>;
  /** Sets the wall clock to another time; sleepers and `monotonic` do not notice. */
  jump(to: number): void;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export function manualClock(start = Date.UTC(2026, 0, 15, 8)): ManualClock {
  let offset = start;
  let elapsed = 0;
  const sleepers = new Set<Sleeper>();
  // Sockets and promises get a turn, so that what was woken has acted before time moves on.
  const settle = async () => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const stop = () => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper = {
          at: elapsed + milliseconds,
          wake: () => {
            signal?.removeEventListener("abort", stop);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", stop, { once: true });
      }),
    advance: async (milliseconds) => {
      const until = elapsed + milliseconds;
      await settle();
      for (;;) {
        const [next] = [...sleepers].filter(({ at }) => at <= until).sort((one, other) => one.at - other.at);
        if (next === undefined) break;
        elapsed = Math.max(elapsed, next.at);
        sleepers.delete(next);
        next.wake();
        await settle();
      }
      elapsed = until;
    },
    jump: (to) => {
      offset = to - elapsed;
    },
  };
}
