import { type Clock, type Closable, type Log, messageOf, minutes, seconds, systemCode } from "@holdfast/runtime";
import type { Store } from "./contract.ts";

/** Why writes to a file are refused, since when, and when one was refused last (milliseconds since the epoch). */
export interface DiskTrouble {
  readonly file: string;
  readonly since: number;
  readonly last: number;
  readonly error: string;
}

/** On a disk that is all but full small writes still get through between larger ones that do not: that is no recovery. */
const OVER_AFTER = minutes(1);

/** While there is trouble: how often it is looked whether it goes on. */
const TRIED_EVERY = seconds(5);

/** The disk's own refusals: full, failing, read-only. What a transaction itself was refused says nothing of the disk. */
const REFUSED_BY_DISK = /^(SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB)|ENOSPC|EIO|EROFS)/;

/** Whether it was the disk that refused something, full, failing or read-only: of an error or of what caused it. */
export function isOfDisk(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return REFUSED_BY_DISK.test(systemCode(error) ?? "") || isOfDisk(error.cause);
}

interface DiskWatchParts {
  readonly file: string;
  /** Writes something and makes it durable; throws when the disk does not take it. */
  readonly tryWriting: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Remembers whether the disk takes what is written to a file. Trouble begins with the first write that is refused, is told
 * in the log once, and is over when for a minute writes were taken and none was refused; so that this is found out where
 * nobody writes, it tries.
 */
export class DiskWatch implements Closable {
  readonly #parts: DiskWatchParts;
  readonly #stopped = new AbortController();
  #trouble: DiskTrouble | undefined;
  #refusedAt = 0;
  #takenSince = false;
  #trying: Promise<void> | undefined;

  constructor(parts: DiskWatchParts) {
    this.#parts = parts;
  }

  /** Undefined while all is well. */
  get trouble(): DiskTrouble | undefined {
    return this.#trouble;
  }

  /** Runs what writes to the file and makes it durable. */
  async writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.#takenSince = true;
      return result;
    } catch (error) {
      this.refused(error);
      throw error;
    }
  }

  /** A write was refused; what was not the disk's doing is passed over. */
  refused(error: unknown): void {
    if (!isOfDisk(error) || this.#stopped.signal.aborted) return;
    const { file, clock, log } = this.#parts;
    const last = clock.now();
    if (!this.#trouble) log.error({ file, error: messageOf(error) }, "the disk takes no writes");
    this.#trouble = { file, since: this.#trouble?.since ?? last, last, error: messageOf(error) };
    this.#refusedAt = clock.monotonic();
    this.#takenSince = false;
    this.#trying ??= this.#try().finally(() => {
      this.#trying = undefined;
    });
  }

  async close(): Promise<void> {
    this.#stopped.abort(new Error("stopped"));
    await this.#trying;
  }

  async #try(): Promise<void> {
    const { file, tryWriting, clock, log } = this.#parts;
    while (this.#trouble) {
      await clock.sleep(TRIED_EVERY, this.#stopped.signal).catch(() => undefined);
      if (this.#stopped.signal.aborted) return;
      await this.writing(tryWriting).catch(() => undefined);
      if (!this.#takenSince || clock.monotonic() - this.#refusedAt < OVER_AFTER) continue;
      log.info({ file, since: this.#trouble.since }, "the disk takes writes again");
      this.#trouble = undefined;
    }
  }
}

/** As much as most of what is written at once: less might find room where nothing else does. */
const TRIAL = "x".repeat(64 * 1024);

/** The same store, with a watch over its disk. The store's owner closes it; the watch is closed before. */
export function watchStore(
  store: Store,
  parts: Omit<DiskWatchParts, "tryWriting">,
): { readonly store: Store; readonly disk: DiskWatch } {
  const tryWriting = () => store.write((transaction) => transaction.setSetting("disk-trial", TRIAL));
  const disk = new DiskWatch({ ...parts, tryWriting });
  return {
    disk,
    store: {
      read: (work) => store.read(work),
      onCommit: (listener) => store.onCommit(listener),
      writtenElsewhere: () => store.writtenElsewhere(),
      close: () => store.close(),
      write: (work) => disk.writing(() => store.write(work)),
    },
  };
}
