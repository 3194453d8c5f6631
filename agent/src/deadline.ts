import type { Clock } from "@holdfast/runtime";
import { Fault } from "@holdfast/runtime";

export interface Deadline {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly within: number;
  /** What takes so long, for the sentence of the fault. */
  readonly what: string;
  readonly signal?: AbortSignal;
}

/**
 * What `work` resolves to, or DeadlineExceeded after that long, even when `work` ignores its signal: a read that hangs
 * in the kernel is left behind, never waited for.
 */
export async function withDeadline<T>(deadline: Deadline, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { clock, within, what, signal } = deadline;
  signal?.throwIfAborted();
  const done = new AbortController();
  const stop = () => done.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  const tooLate = clock.sleep(within, done.signal).then(() => {
    throw new Fault("DeadlineExceeded", `${what} took more than ${within / 1_000} s`);
  });
  try {
    return await Promise.race([work(done.signal), tooLate]);
  } finally {
    signal?.removeEventListener("abort", stop);
    done.abort(new Error("over"));
    tooLate.catch(() => undefined);
  }
}
