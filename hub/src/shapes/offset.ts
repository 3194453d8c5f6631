/**
 * How far a follower has got in a scope's log. Plain offsets are `seq_0`: everything up to `seq` is known. A follower
 * still inside its snapshot is at `seq_read`: the snapshot began when the log stood at `seq`, and `read` is the number of
 * the last row handed out (numbers start at 1, so a snapshot under way is never at `_0`).
 */
export interface Offset {
  readonly seq: number;
  /** 0 when the snapshot is over. */
  readonly read: number;
}

export const BEGINNING: Offset = { seq: 0, read: 0 };

/** An offset as the protocol writes it: `<int>_<int>` or `<int>_inf`; undefined when it is none. */
export function parseOffset(text: string): Offset | undefined {
  const match = /^(\d{1,15})_(\d{1,15}|inf)$/.exec(text);
  if (!match) return undefined;
  const [, seq, read] = match;
  return { seq: Number(seq), read: read === "inf" ? 0 : Number(read) };
}

export function writeOffset({ seq, read }: Offset): string {
  return `${seq}_${read}`;
}

/** The number of the last row that the follower has. */
export function lastRead({ seq, read }: Offset): number {
  return read === 0 ? seq : read;
}
