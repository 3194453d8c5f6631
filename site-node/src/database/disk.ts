import type { Store } from "@holdfast/inventory";
import { type Clock, messageOf, systemCode } from "@holdfast/runtime";

/** Why nothing can be written, and since when (milliseconds since the epoch). */
export interface DiskTrouble {
  readonly since: number;
  readonly error: string;
}

export interface WatchedStore {
  readonly store: Store;
  /** Undefined when the last write got through. */
  readonly trouble: () => DiskTrouble | undefined;
}

/** The disk's own refusals: full, failing, read-only. What a transaction itself was refused says nothing of the disk. */
const REFUSED_BY_DISK = /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB)|ENOSPC|EIO|EROFS)/;

function isOfDisk(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return [error, cause].some((each) => REFUSED_BY_DISK.test(systemCode(each) ?? ""));
}

/** The same store, remembering whether the disk takes what is written to it. */
export function watchDisk(store: Store, clock: Clock): WatchedStore {
  let trouble: DiskTrouble | undefined;
  return {
    trouble: () => trouble,
    store: {
      read: (work) => store.read(work),
      onCommit: (listener) => store.onCommit(listener),
      close: () => store.close(),
      write: async (work) => {
        try {
          const result = await store.write(work);
          trouble = undefined;
          return result;
        } catch (error) {
          if (isOfDisk(error)) {
            trouble = { since: trouble?.since ?? clock.now(), error: messageOf(error) };
          }
          throw error;
        }
      },
    },
  };
}
