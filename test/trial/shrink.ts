/**
 * The fewest of what happened that still fail, found by leaving out ever smaller parts (Zeller's delta debugging), with no more
 * than so many tries. `fails` says whether a selection does.
 */
export async function shrink(
  all: readonly number[],
  fails: (some: readonly number[]) => Promise<boolean>,
  tries: number,
): Promise<readonly number[]> {
  let kept = all;
  let left = tries;
  for (let size = Math.ceil(kept.length / 2); size >= 1; ) {
    const before = kept.length;
    for (let at = 0; at < kept.length && left > 0; ) {
      const without = [...kept.slice(0, at), ...kept.slice(at + size)];
      left -= 1;
      if (without.length < kept.length && (await fails(without))) kept = without;
      else at += size;
    }
    if (left <= 0) return kept;
    if (size > 1) size = Math.ceil(size / 2);
    else if (kept.length === before) return kept;
  }
  return kept;
}
