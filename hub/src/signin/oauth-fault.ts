import { TooOften } from "@holdfast/inventory/api/errors";
import { Fault, type FaultCode } from "@holdfast/runtime";

/** Codes of RFC 6749 §5.2, of RFC 8628 §3.5 for who is too fast, and of RFC 6749 §4.1.2.1 for a server that is busy. */
type OAuthError =
  | "invalid_request"
  | "invalid_grant"
  | "unsupported_grant_type"
  | "slow_down"
  | "temporarily_unavailable"
  | "server_error";

/** What the issuer refuses, as OAuth 2.0 says it. */
export class OAuthFault extends Error {
  readonly status: number;
  readonly error: OAuthError;
  /** Whole seconds after which to come again. */
  readonly retryAfter: number | undefined;

  constructor(error: OAuthError, description: string, more: { status?: number; retryAfter?: number } = {}) {
    super(description);
    this.name = "OAuthFault";
    this.error = error;
    this.status = more.status ?? 400;
    this.retryAfter = more.retryAfter;
  }
}

const OF_FAULT: Partial<Record<FaultCode, { readonly error: OAuthError; readonly status: number }>> = {
  Unavailable: { error: "temporarily_unavailable", status: 503 },
  InvalidArgument: { error: "invalid_request", status: 400 },
};

/** Any error as the issuer answers it; nothing is told of one that is nobody's but ours. */
export function asOAuthFault(error: unknown): OAuthFault {
  if (error instanceof OAuthFault) return error;
  if (error instanceof TooOften) {
    return new OAuthFault("slow_down", error.message, { status: 429, retryAfter: error.retryAfter });
  }
  const known = error instanceof Fault ? OF_FAULT[error.code] : undefined;
  if (known && error instanceof Fault) return new OAuthFault(known.error, error.message, { status: known.status });
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  if (status === 413) return new OAuthFault("invalid_request", "the body is too large", { status });
  if (status >= 400 && status < 500)
    return new OAuthFault("invalid_request", "the request is not understood", { status });
  return new OAuthFault("server_error", "internal error", { status: 500 });
}
