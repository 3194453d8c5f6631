import { type IncomingMessage, request } from "node:http";

/**
 * `fetch` over Node's own HTTP client, for the platform's keeps timers and sockets of its own. Knows what Holdfast asks for:
 * bodies that are text or bytes, no redirects.
 */
export const requestOverHttp: typeof fetch = async (input, init) => {
  const asked = new Request(input, init?.signal ? { ...init, signal: null } : init);
  const url = new URL(asked.url);
  const body = init?.body === undefined || init.body === null ? undefined : Buffer.from(init.body as string);
  const signal = init?.signal ?? undefined;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { ...Object.fromEntries(asked.headers) };
    if (body) headers["content-length"] = String(body.length);
    const asking = request(
      {
        host: url.hostname,
        port: url.port,
        path: `${url.pathname}${url.search}`,
        method: asked.method,
        headers,
        agent: false,
      },
      (incoming) => resolve(answerOf(incoming)),
    );
    const abort = () => {
      const reason = signal?.reason instanceof Error ? signal.reason : new Error("aborted", { cause: signal?.reason });
      reject(signal?.reason);
      asking.destroy(reason);
    };
    signal?.addEventListener("abort", abort, { once: true });
    asking.on("close", () => signal?.removeEventListener("abort", abort));
    asking.on("error", (cause) => reject(new TypeError("fetch failed", { cause })));
    asking.end(body);
  });
};

function answerOf(incoming: IncomingMessage): Response {
  const headers = new Headers();
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at] ?? "", incoming.rawHeaders[at + 1] ?? "");
  }
  const status = incoming.statusCode ?? 0;
  if ([204, 205, 304].includes(status)) {
    incoming.resume();
    return new Response(null, { status, headers });
  }
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const unlessCancelled = (tell: () => void) => {
        if (!isCancelled) tell();
      };
      incoming.on("data", (chunk: Buffer) => unlessCancelled(() => controller.enqueue(new Uint8Array(chunk))));
      incoming.once("end", () => unlessCancelled(() => controller.close()));
      incoming.on("error", (cause) => unlessCancelled(() => controller.error(new TypeError("terminated", { cause }))));
    },
    cancel() {
      isCancelled = true;
      incoming.destroy();
    },
  });
  return new Response(body, { status, headers });
}
