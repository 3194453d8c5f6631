/** A clock whose sleepers wake when it is moved to their time. */
export function movedClock() {
  const sleepers = new Set<{ due: number; wake: () => void }>();
  const clock = {
    time: 1_000_000,
    now: () => clock.time,
    monotonic: () => clock.time,
    sleep: (milliseconds: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = { due: clock.time + milliseconds, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      }),
    sleeping: () => sleepers.size,
    move: (milliseconds: number) => {
      clock.time += milliseconds;
      for (const sleeper of [...sleepers]) {
        if (sleeper.due > clock.time) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
  return clock;
}
