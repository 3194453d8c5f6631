/**
 * Resolves when the event loop has gone round once: what has come in meanwhile has had its turn. For work that takes long and
 * can wait; promises alone let nothing in between.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
