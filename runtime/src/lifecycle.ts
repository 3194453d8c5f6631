import type { Log } from "./log.ts";

export interface Closable {
  close(): Promise<void> | void;
}

/** Closes everything, last started first, whatever fails on the way; throws what failed, together. */
export async function closeAll(...started: (Closable | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of started.reverse()) {
    try {
      await part?.close();
    } catch (failure) {
      failures.push(failure);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, "several parts failed to close");
}

/** What a program's `main.ts` hands over. */
export interface Process {
  readonly log: Log;
  /** How long closing may take, in milliseconds, before the process ends all the same. */
  readonly closeWithin: number;
}

/**
 * Runs until SIGINT or SIGTERM, then closes and ends the process: 0 when all closed, 1 otherwise. A terminal's Ctrl-C
 * under npm arrives twice within a millisecond, so a second signal ends the process only after two seconds.
 */
export async function runUntilSignal(program: Closable, { log, closeWithin }: Process): Promise<never> {
  const { signal, at } = await new Promise<{ signal: NodeJS.Signals; at: number }>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.once(name, () => resolve({ signal: name, at: performance.now() }));
    }
  });
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (performance.now() - at > 2_000) process.exit(1);
    });
  }
  log.info({ signal }, "stopping");
  const tooLong = setTimeout(() => {
    log.error({ closeWithin }, "did not close in time");
    process.exit(1);
  }, closeWithin);
  try {
    await program.close();
    clearTimeout(tooLong);
    log.info("stopped");
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, "failed to close");
    process.exit(1);
  }
}
