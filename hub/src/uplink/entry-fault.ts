import { Fault, systemCode } from "@holdfast/runtime";

/**
 * Whether an error is the entry's fault. A database that is full, locked or broken would refuse every entry alike: that
 * is no reason to set them aside, and the batch is sent again.
 */
export function isOfTheEntry(error: unknown): boolean {
  if (error instanceof Fault) return !["Internal", "Unavailable", "DeadlineExceeded"].includes(error.code);
  const code = systemCode(error);
  return code === undefined || code.startsWith("ERR_") || /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(code);
}
