import type { Sqlite } from "@holdfast/runtime/sqlite";

/** Runs a piece of work whole or not at all, and while nobody else writes. */
export function atOnce<T>(database: Sqlite, work: () => T): T {
  database.exec("begin immediate");
  try {
    const result = work();
    database.exec("commit");
    return result;
  } catch (error) {
    // Some failures (a full disk) have ended the transaction already.
    if (database.inTransaction) database.exec("rollback");
    throw error;
  }
}
