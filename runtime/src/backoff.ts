/**
 * How long to wait before the next try, in milliseconds: full jitter, between zero and a ceiling that doubles with
 * every failure. Many clients cut off together do not come back together.
 */
export function fullJitter(failures: number, bounds: { first: number; most: number }, random = Math.random): number {
  const ceiling = Math.min(bounds.most, bounds.first * 2 ** Math.min(failures, 30));
  return Math.round(random() * ceiling);
}
