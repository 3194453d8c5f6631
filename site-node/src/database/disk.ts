import type { Store } from "@holdfast/inventory";
import { type Clock, messageOf, minutes, systemCode } from "@holdfast/runtime";

/** Why writes are refused, since when, and when one was refused last (milliseconds since the epoch). */
export interface DiskTrouble {
  readonly since: number;
  readonly last: number;
  readonly error: string;
}

export interface WatchedStore {
  readonly store: Store;
  /** Undefined when no write has been refused for a minute. */
  readonly trouble: () => DiskTrouble | undefined;
}

/** On a disk that is all but full small writes still get through between larger ones that do not: that is no recovery. */
const OVER_AFTER = minutes(1);

/** The disk's own refusals: full, failing, read-only. What a transaction itself was refused says nothing of the disk. */
const REFUSED_BY_DISK = /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB)|ENOSPC|EIO|EROFS)/;

function isOfDisk(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return [error, cause].some((each) => REFUSED_BY_DISK.test(systemCode(each) ?? ""));
}

/** The same store, remembering whether the disk takes what is written to it. */
export function watchDisk(store: Store, clock: Pick<Clock, "now" | "monotonic">): WatchedStore {
  let trouble: DiskTrouble | undefined;
  let refusedAt = Number.NEGATIVE_INFINITY;
  const current = () => (clock.monotonic() - refusedAt < OVER_AFTER ? trouble : undefined);
  return {
    trouble: current,
    store: {
      read: (work) => store.read(work),
      onCommit: (listener) => store.onCommit(listener),
      close: () => store.close(),
      write: async (work) => {
        try {
          return await store.write(work);
        } catch (error) {
          if (isOfDisk(error)) {
            const last = clock.now();
            trouble = { since: current()?.since ?? last, last, error: messageOf(error) };
            refusedAt = clock.monotonic();
          }
          throw error;
        }
      },
    },
  };
}
