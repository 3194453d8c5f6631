/**
 * A fault with a stable code, for callers that decide by it and for the log. `code` is one of gRPC's status names, which
 * is what the REST API answers with; `NotHeldHere` is ours: what is asked for may well be, elsewhere.
 */
export class Fault extends Error {
  readonly code: FaultCode;

  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = "Fault";
  }
}

export type FaultCode =
  | "InvalidArgument"
  | "FailedPrecondition"
  | "OutOfRange"
  | "Unauthenticated"
  | "PermissionDenied"
  | "NotFound"
  | "NotHeldHere"
  | "AlreadyExists"
  | "Aborted"
  | "ResourceExhausted"
  | "Unimplemented"
  | "Internal"
  | "Unavailable"
  | "DeadlineExceeded";

/** The sentence of an error and of everything that caused it, outermost first. */
export function messageOf(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at !== undefined && parts.length < 8; at = at instanceof Error ? at.cause : undefined) {
    const text = at instanceof Error ? at.message : String(at);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
  }
  return parts.join(": ");
}

/** The system's code of an error: ENOENT, EADDRINUSE, … */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
