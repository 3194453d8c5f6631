import { type Clock, systemClock } from "@holdfast/runtime";
import type { ApiUnderTest, Body } from "../api-under-test.ts";

export interface WatchEvent {
  readonly name: string;
  readonly id: string | undefined;
  readonly data: Body;
}

/** A watcher over HTTP, for tests. */
export interface WatchUnderTest extends AsyncDisposable {
  readonly status: number;
  readonly headers: Headers;
  /** The next event, which must come. */
  next(): Promise<WatchEvent>;
  /** Names and names of resources until the next bookmark, and that. */
  untilBookmark(): Promise<{ readonly told: string; readonly cursor: string }>;
  /** What is left until the stream ends. */
  rest(): Promise<readonly WatchEvent[]>;
}

/** Watches a list of acme; `path` with its query. */
export async function watch(
  api: ApiUnderTest,
  path: string,
  headers: Record<string, string> = {},
): Promise<WatchUnderTest> {
  const url = api.app.server.listening ? urlOf(api) : await api.app.listen({ host: "127.0.0.1", port: 0 });
  const gone = new AbortController();
  const response = await fetch(`${url}/v1/projects/acme/${path}`, {
    headers: { authorization: "Bearer writer", ...headers },
    signal: gone.signal,
  });
  const events = eventsIn(response);
  const next = async () => {
    const { value, done } = await events.next();
    if (done) throw new Error("the stream ended");
    return value;
  };
  return {
    status: response.status,
    headers: response.headers,
    next,
    async untilBookmark() {
      const told: string[] = [];
      for (;;) {
        const { name, id, data } = await next();
        if (name === "bookmark") return { told: told.join(" "), cursor: id ?? "" };
        told.push(`${name}:${String(data.name ?? data.resourceId)}`);
      }
    },
    async rest() {
      const rest: WatchEvent[] = [];
      for (let event = await events.next(); !event.done; event = await events.next()) rest.push(event.value);
      return rest;
    },
    [Symbol.asyncDispose]: async () => gone.abort(),
  };
}

function urlOf({ app }: ApiUnderTest): string {
  const address = app.server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}

async function* eventsIn(response: Response): AsyncGenerator<WatchEvent, undefined> {
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const lines = new Map(
        text
          .slice(0, end)
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      text = text.slice(end + 2);
      const name = lines.get("event");
      if (name !== undefined) yield { name, id: lines.get("id"), data: JSON.parse(lines.get("data") ?? "{}") as Body };
    }
  }
}

/** A clock whose sleeps end when the test says so. */
export function steppedClock(): Clock & { step(): void } {
  let waiting: (() => void)[] = [];
  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    sleep: (_milliseconds, signal) =>
      new Promise((resolve, reject) => {
        waiting.push(resolve);
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
    step() {
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
  };
}
