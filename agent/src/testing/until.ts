import { setTimeout as wait } from "node:timers/promises";

/** Waits, for ten seconds at most, until a state is reached; `nudge` is done between two looks. */
export async function until(holds: () => boolean, what: string, nudge?: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await nudge?.();
    await wait(5);
  }
}
