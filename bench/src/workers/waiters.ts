import { Agent, get, type IncomingMessage } from "node:http";
import { offerHeaders, PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { serve } from "./serve.ts";

interface Waiter {
  readonly hubUrl: string;
  readonly token: string;
  readonly scope: string;
}

interface Options {
  readonly waiters: readonly Waiter[];
}

const AT_ONCE = 32;

/** Sites that hold their event streams open, as far as the hub can see: one connection for each scope, and nothing behind it. */
serve(async ({ waiters }: Options) => {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  let open = 0;

  async function follow({ hubUrl, token, scope }: Waiter): Promise<void> {
    const headers = {
      authorization: `Bearer ${token}`,
      ...offerHeaders({ version: PROTOCOL_VERSION, capabilities: [] }),
    };
    const ask = (query: Record<string, string>) =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const url = new URL("/v1/shape", hubUrl);
        url.search = String(new URLSearchParams({ table: "feed", where: "scope = $1", "params[1]": scope, ...query }));
        get(url, { headers, agent }, (response) => {
          if (response.statusCode === 200) resolve(response);
          else reject(new Error(`${url}: ${response.statusCode}`));
        }).on("error", reject);
      });
    let from = { offset: "-1", handle: "" };
    for (let upToDate = false; !upToDate; ) {
      const page = await ask(from.handle === "" ? { offset: "-1" } : from);
      for await (const _ of page);
      from = { offset: String(page.headers["electric-offset"]), handle: String(page.headers["electric-handle"]) };
      upToDate = page.headers["electric-up-to-date"] !== undefined;
    }
    const stream = await ask({ ...from, live: "true", live_sse: "true" });
    stream.resume();
    open += 1;
    stream.once("close", () => {
      open -= 1;
    });
  }

  const left = [...waiters];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = left.pop(); next; next = left.pop()) await follow(next);
    }),
  );
  return { open: () => open };
});
