import { Fault, type FaultCode, type Log, messageOf } from "@holdfast/runtime";
import type { FastifyReply, FastifyRequest } from "fastify";
import { PreconditionFailed } from "./conditions.ts";

/** The HTTP status of each fault. */
export const STATUS_OF_FAULT: Readonly<Record<FaultCode, number>> = {
  InvalidArgument: 400,
  FailedPrecondition: 400,
  OutOfRange: 400,
  Unauthenticated: 401,
  PermissionDenied: 403,
  NotFound: 404,
  NotHeldHere: 421,
  AlreadyExists: 409,
  Aborted: 409,
  ResourceExhausted: 429,
  Internal: 500,
  Unimplemented: 501,
  Unavailable: 503,
  DeadlineExceeded: 504,
};

/** Says no to whoever asks too often, and when they may ask again. */
export class TooOften extends Fault {
  /** Whole seconds. */
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number) {
    super("ResourceExhausted", message);
    this.retryAfter = retryAfter;
  }
}

/** What a caller wants to go on from is not remembered any more: 410. */
export class StartAnew extends Fault {
  constructor(message: string) {
    super("OutOfRange", message);
  }
}

/** A part of the path is longer than any name or id: 414. */
export class PathTooLong extends Fault {
  constructor() {
    super("InvalidArgument", "a part of the path is too long");
  }
}

/** A path that is there, asked with a method that it is not offered with. */
export class NotOffered extends Fault {
  readonly allowed: readonly string[];

  constructor(method: string, allowed: readonly string[]) {
    super("Unimplemented", `this path is not offered with ${method}, but with ${allowed.join(", ")}`);
    this.allowed = allowed;
  }
}

/** The codes of what the HTTP server itself refuses. */
const CODE_OF_STATUS: Readonly<Record<number, FaultCode>> = {
  401: "Unauthenticated",
  403: "PermissionDenied",
  404: "NotFound",
  408: "DeadlineExceeded",
  413: "ResourceExhausted",
  429: "ResourceExhausted",
  503: "Unavailable",
};

interface Answer {
  readonly status: number;
  readonly code: FaultCode;
  readonly message: string;
}

/** What a caller learns of an error: a fault's own words, and nothing of what is not a fault. */
export function answerTo(error: unknown): Answer {
  if (error instanceof PreconditionFailed) return { status: 412, code: error.code, message: error.message };
  if (error instanceof StartAnew) return { status: 410, code: error.code, message: error.message };
  if (error instanceof NotOffered) return { status: 405, code: error.code, message: error.message };
  if (error instanceof PathTooLong) return { status: 414, code: error.code, message: error.message };
  if (error instanceof Fault) {
    return { status: STATUS_OF_FAULT[error.code], code: error.code, message: error.message };
  }
  const status = statusOf(error);
  if (status === 414) return { status, code: "InvalidArgument", message: "a part of the path is too long" };
  if (status === 413) return { status, code: "ResourceExhausted", message: "the body is too large" };
  if (status === 415) return { status, code: "InvalidArgument", message: "content-type: must be application/json" };
  if (status === 503) return { status, code: "Unavailable", message: "the request took too long" };
  if (status < 500) return { status, code: CODE_OF_STATUS[status] ?? "InvalidArgument", message: messageOf(error) };
  return { status: 500, code: "Internal", message: "internal error" };
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" && status >= 400 && status < 600 ? status : 500;
}

/** Sends an error as compact JSON `{code, message}`; what a person must look at is logged. */
export function sendError(log: Log, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, code, message } = answerTo(error);
  if (status >= 500) {
    const level = code === "Internal" ? "error" : "warn";
    log[level]({ err: error, request: request.id, method: request.method, url: request.url }, "request failed");
  }
  // Some are refused before anything else is done for them.
  void reply.header("x-request-id", request.id);
  // Nobody waits for the rest of what did not come in time.
  if (status === 503 && !request.raw.complete) void reply.header("connection", "close");
  if (error instanceof NotOffered) void reply.header("allow", error.allowed.join(", "));
  if (error instanceof TooOften) void reply.header("retry-after", error.retryAfter);
  return reply.code(status).type("application/json; charset=utf-8").send(JSON.stringify({ code, message }));
}
