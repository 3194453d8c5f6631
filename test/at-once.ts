/** Does it for each, so many at a time; resolves when all are done. */
export async function eachOf<T>(all: Iterable<T>, atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  // One iterator for all: each takes the next that nobody has taken.
  const waiting = all[Symbol.iterator]();
  const goOn = async () => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, goOn));
}
