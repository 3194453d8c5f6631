import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";

/** What the HTTP parser refuses before there is a request; all else is no HTTP at all. */
const REFUSALS: Readonly<Record<string, readonly [status: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "InvalidArgument", "the headers are too large"],
  CONNECT: ["405 Method Not Allowed", "Unimplemented", "nothing is offered with CONNECT"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "DeadlineExceeded", "the request did not come in time"],
};
const NO_HTTP = ["400 Bad Request", "InvalidArgument", "this is no HTTP request"] as const;

/** Answers what is no request as errors are answered here, `{code, message}`, and ends the connection. */
export function refuseNoHttp(error: { readonly code?: string }, socket: Socket): void {
  const code = error.code ?? "";
  if (code === "ECONNRESET" || socket.destroyed) return;
  const [status, name, message] = (Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined) ?? NO_HTTP;
  const body = JSON.stringify({ code: name, message });
  const headers = [
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `X-Request-Id: ${randomUUID()}`,
  ];
  // Where something was answered before, an answer may still be under way: nothing comes into the middle of it.
  if (socket.writable && socket.bytesWritten === 0) {
    const length = `Content-Length: ${Buffer.byteLength(body)}`;
    socket.write(`HTTP/1.1 ${status}\r\n${[...headers, length].join("\r\n")}\r\n\r\n${body}`);
  }
  socket.destroySoon();
}
