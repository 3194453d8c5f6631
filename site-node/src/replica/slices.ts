import { setImmediate as nextTurn } from "node:timers/promises";

/** Parts of a list, in order. Between two of them others get their turn: nobody waits for a whole scope to be stored. */
export async function* slices<T>(all: readonly T[], size: number): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < all.length; at += size) {
    if (at > 0) await nextTurn();
    yield all.slice(at, at + size);
  }
}
