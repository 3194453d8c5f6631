import { Fault, systemCode } from "@holdfast/runtime";

/**
 * An error that the disk below a database is behind, however deep, as a fault that says so: what was asked is not done, and
 * may be asked again. Any other error is returned as it is.
 */
export function asDiskFault(error: unknown): unknown {
  const code = codesOf(error).find((each) => /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN)/.test(each));
  if (code === undefined) return error;
  const what = code === "SQLITE_FULL" ? "is full" : `fails (${code})`;
  return new Fault("Unavailable", `the disk of the database ${what}`, { cause: error });
}

/** The system's codes of an error and of what caused it, outermost first. */
function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const code = systemCode(error);
  return [...(code === undefined ? [] : [code]), ...codesOf(error.cause)];
}
