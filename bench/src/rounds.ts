/** The middle of some numbers; NaN when there are none. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that a share of all values does not pass: 0.99 for p99. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

export interface Rounds<T> {
  readonly peer: readonly T[];
  readonly ours: readonly T[];
}

/** Measures the peer and ours in turn, for what the machine does meanwhile strikes both; a first round warms up. */
export async function alternate<T>(
  rounds: number,
  { peer, ours }: { readonly peer: () => Promise<T>; readonly ours: () => Promise<T> },
): Promise<Rounds<T>> {
  const measured = { peer: [] as T[], ours: [] as T[] };
  for (let round = 0; round <= rounds; round += 1) {
    const [ofPeer, ofOurs] = [await peer(), await ours()];
    if (round === 0) continue;
    measured.peer.push(ofPeer);
    measured.ours.push(ofOurs);
  }
  return measured;
}

/** The median of ours over peer, round by round. */
export function ratioOf<T>({ peer, ours }: Rounds<T>, value: (measured: T) => number): number {
  return median(ours.map((mine, round) => value(mine) / value(peer[round] as T)));
}
