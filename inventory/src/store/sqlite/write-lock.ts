import { type Clock, Fault, seconds, systemClock, systemCode } from "@holdfast/runtime";
import { BUSY_TIMEOUT, type Sqlite } from "@holdfast/runtime/sqlite";

/** Milliseconds that a writer waits for another one. */
const PATIENCE = seconds(5);

/** Milliseconds between two tries; most transactions are over in less. */
const PAUSE = 5;

/**
 * Begins a transaction that writes as soon as no other connection has one. SQLite would wait on the event loop's thread, where
 * nobody is answered meanwhile, and in vain where it is this process that has the other. Throws Unavailable after five
 * seconds. By the system's clock: the other is no part of what a clock of a test's own rules.
 */
export async function beginImmediate(database: Sqlite, clock: Clock = systemClock): Promise<void> {
  let refusal = tryToBegin(database);
  if (!refusal) return;
  const until = clock.monotonic() + PATIENCE;
  while (refusal) {
    if (clock.monotonic() >= until) {
      const message = `another process has been writing to the database for ${PATIENCE / 1_000} seconds`;
      throw new Fault("Unavailable", message, { cause: refusal });
    }
    await clock.sleep(PAUSE);
    refusal = tryToBegin(database);
  }
}

/** Returns why it cannot begin yet, if it cannot. */
function tryToBegin(database: Sqlite): Error | undefined {
  database.pragma("busy_timeout = 0");
  try {
    database.exec("begin immediate");
    return undefined;
  } catch (error) {
    if (error instanceof Error && systemCode(error)?.startsWith("SQLITE_BUSY")) return error;
    throw error;
  } finally {
    // Whatever else may find the database locked, by a recovery of its log, does so for a moment only.
    database.pragma(`busy_timeout = ${BUSY_TIMEOUT}`);
  }
}
