import { systemClock } from "@holdfast/runtime";

const WITHIN = 15_000;

/** Waits until a condition holds and stays a condition: asked again and again, bounded. The last failure is thrown. */
export async function eventually<T>(check: () => Promise<T> | T, within = WITHIN): Promise<T> {
  const deadline = systemClock.monotonic() + within;
  for (;;) {
    try {
      return await check();
    } catch (failure) {
      if (systemClock.monotonic() > deadline) throw failure;
      await systemClock.sleep(25);
    }
  }
}
