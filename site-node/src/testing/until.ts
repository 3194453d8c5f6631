import { expect } from "vitest";

/** Waits, for five seconds at most, until it is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(isSo, { timeout: 5_000 }).toBe(true);
}
