import { minutes, systemClock } from "@holdfast/runtime";

/** Longer than anything here waits before it tries again. */
const WITHIN = minutes(15);

/**
 * Waits until a condition holds and stays a condition: asked again and again, for a quarter of an hour of the world's time.
 * The last failure is thrown.
 */
export async function eventually<T>(check: () => Promise<T> | T): Promise<T> {
  const deadline = systemClock.monotonic() + WITHIN;
  for (let pause = 25; ; pause = Math.min(pause * 1.2, 1_000)) {
    try {
      return await check();
    } catch (failure) {
      if (systemClock.monotonic() > deadline) throw failure;
      await systemClock.sleep(pause);
    }
  }
}
