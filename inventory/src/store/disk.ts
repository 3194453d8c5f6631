import { type Clock, type Closable, type Log, messageOf, minutes, seconds, systemCode } from "@holdfast/runtime";
import type { Store } from "./contract.ts";

/**
 * What a disk refuses, since when, and when it did so last (milliseconds since the epoch). `writes`: whether what is written is
 * refused, or taken and kept in the database's log alone, which grows until it can be taken into the database.
 */
export interface DiskTrouble {
  readonly file: string;
  readonly writes: "refused" | "taken";
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

/** How often at most it is looked whether the log is taken into the database, while all is well. */
const TENDED_EVERY = seconds(1);

interface DiskWatchParts {
  readonly file: string;
  /** Writes something and makes it durable; throws when the disk does not take it. */
  readonly tryWriting: () => Promise<void>;
  /** Takes the log into the database where that is overdue; throws when the disk does not let it. */
  readonly tend: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Remembers whether the disk takes what is written to a database, and whether that gets out of the database's log. Trouble begins with
 * the first refusal, is told in the log once, and is over when for a minute what was refused was done and not refused again; so that
 * this is found out where nobody writes, it tries.
 */
export class DiskWatch implements Closable {
  readonly #parts: DiskWatchParts;
  readonly #stopped = new AbortController();
  readonly #writes: Refusals;
  readonly #tending: Refusals;
  #tendedAt = Number.NEGATIVE_INFINITY;
  #trying: Promise<void> | undefined;

  constructor(parts: DiskWatchParts) {
    this.#parts = parts;
    this.#writes = new Refusals(parts, {
      writes: "refused",
      began: "the disk takes no writes",
      over: "the disk takes writes again",
    });
    this.#tending = new Refusals(parts, {
      writes: "taken",
      began: "the database's log cannot be taken into it, and grows",
      over: "the database's log is taken into it again",
    });
  }

  /** Undefined while all is well. */
  get trouble(): DiskTrouble | undefined {
    return this.#writes.trouble ?? this.#tending.trouble;
  }

  /** Runs what writes to the file and makes it durable. */
  async writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.taken();
      return result;
    } catch (error) {
      this.refused(error);
      throw error;
    }
  }

  /** A write was taken. */
  taken(): void {
    this.#writes.done();
    const now = this.#parts.clock.monotonic();
    if (this.#stopped.signal.aborted || now - this.#tendedAt < TENDED_EVERY) return;
    this.#tendedAt = now;
    void this.#tend();
  }

  /** A write was refused; what was not the disk's doing is passed over. */
  refused(error: unknown): void {
    this.#note(this.#writes, error);
  }

  async close(): Promise<void> {
    this.#stopped.abort(new Error("stopped"));
    await this.#trying;
  }

  async #tend(): Promise<void> {
    try {
      await this.#parts.tend();
      this.#tending.done();
    } catch (error) {
      this.#note(this.#tending, error);
    }
  }

  #note(refusals: Refusals, error: unknown): void {
    if (!isOfDisk(error) || this.#stopped.signal.aborted) return;
    refusals.add(error);
    this.#keepTrying();
  }

  #keepTrying(): void {
    this.#trying ??= this.#try().finally(() => {
      this.#trying = undefined;
      // What began again before this was noted would otherwise wait for the next refusal to be tried.
      if (this.trouble && !this.#stopped.signal.aborted) this.#keepTrying();
    });
  }

  async #try(): Promise<void> {
    const { tryWriting, clock } = this.#parts;
    while (this.trouble) {
      await clock.sleep(TRIED_EVERY, this.#stopped.signal).catch(() => undefined);
      if (this.#stopped.signal.aborted) return;
      // What is written while the log cannot be taken in makes it grow further.
      if (this.#writes.trouble) await this.writing(tryWriting).catch(() => undefined);
      if (this.#tending.trouble) await this.#tend();
      for (const refusals of [this.#writes, this.#tending]) refusals.endIfOver();
    }
  }
}

interface Told {
  readonly writes: DiskTrouble["writes"];
  readonly began: string;
  readonly over: string;
}

/** What the disk refuses of one sort of thing, from the first time to a while after the last. */
class Refusals {
  readonly #parts: Pick<DiskWatchParts, "file" | "clock" | "log">;
  readonly #told: Told;
  #trouble: DiskTrouble | undefined;
  #lastAt = 0;
  #doneSince = false;

  constructor(parts: Pick<DiskWatchParts, "file" | "clock" | "log">, told: Told) {
    this.#parts = parts;
    this.#told = told;
  }

  get trouble(): DiskTrouble | undefined {
    return this.#trouble;
  }

  add(cause: unknown): void {
    const { file, clock, log } = this.#parts;
    const [last, error] = [clock.now(), messageOf(cause)];
    if (!this.#trouble) log.error({ file, error }, this.#told.began);
    this.#trouble = { file, writes: this.#told.writes, since: this.#trouble?.since ?? last, last, error };
    this.#lastAt = clock.monotonic();
    this.#doneSince = false;
  }

  done(): void {
    this.#doneSince = true;
  }

  endIfOver(): void {
    const { file, clock, log } = this.#parts;
    if (!this.#trouble || !this.#doneSince || clock.monotonic() - this.#lastAt < OVER_AFTER) return;
    log.info({ file, since: this.#trouble.since }, this.#told.over);
    this.#trouble = undefined;
  }
}

/** As much as most of what is written at once: less might find room where nothing else does. */
const TRIAL = "x".repeat(64 * 1024);

/** The same store, with a watch over its disk. The store's owner closes it; the watch is closed before. */
export function watchStore(
  store: Store,
  parts: Omit<DiskWatchParts, "tryWriting" | "tend">,
): { readonly store: Store; readonly disk: DiskWatch } {
  const tryWriting = () => store.write((transaction) => transaction.setSetting("disk-trial", TRIAL));
  const disk = new DiskWatch({ ...parts, tryWriting, tend: () => store.tend() });
  return {
    disk,
    store: {
      read: (work) => store.read(work),
      onCommit: (listener) => store.onCommit(listener),
      writtenElsewhere: () => store.writtenElsewhere(),
      tend: () => store.tend(),
      close: () => store.close(),
      write: (work) => disk.writing(() => store.write(work)),
    },
  };
}
