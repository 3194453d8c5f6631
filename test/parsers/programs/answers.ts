import { Agent, request } from "node:http";
import type { FastifyInstance, InjectOptions } from "fastify";
import { mustHold, type Verdict } from "../target.ts";

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: string | Uint8Array;
  /** From which address, where that is not the usual one. */
  readonly localAddress?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** The parsed body; undefined when it is none. */
  readonly json: unknown;
}

/** Puts a request to an API as its HTTP server would. */
export function ask(app: FastifyInstance, asked: Asked): Promise<Answered> {
  return unhurried(() => askOnce(app, asked));
}

/** The same over a connection of its own, for what is held open: that needs a socket. */
export function askOver(port: number, asked: Asked): Promise<Answered> {
  return unhurried(() => askOnceOver(port, asked));
}

/** Servers go by the clock on the wall, by which a busy machine takes too long for anything; what is measured here is not that. */
async function unhurried(once: () => Promise<Answered>): Promise<Answered> {
  const answer = await once();
  return answer.status === 503 && answer.text.includes("the request took too long") ? once() : answer;
}

async function askOnce(
  app: FastifyInstance,
  { method, url, headers = {}, payload, localAddress }: Asked,
): Promise<Answered> {
  const answer = await app.inject({
    method: method as NonNullable<InjectOptions["method"]>,
    url,
    headers,
    ...(localAddress === undefined ? {} : { remoteAddress: localAddress }),
    ...(payload === undefined ? {} : { payload: typeof payload === "string" ? payload : Buffer.from(payload) }),
  });
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, json: parsed(answer.body) };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });

function askOnceOver(port: number, { method, url: path, payload, ...more }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port, method, path, agent, ...more }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.once("error", reject);
      answer.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, json: parsed(text) });
      });
    });
    asking.once("error", reject);
    asking.end(payload);
  });
}

/** A header's value as a client can send it. */
export function headerText(text: string): string {
  return text.replaceAll(/[^\t\x20-\x7e]/g, "?");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Throws unless this is how every API here answers: done, or refused with a code and a sentence, and never a fault of its own. */
export function judged({ status, text, json }: Answered): Verdict {
  mustHold(status < 500, `it answers ${status}: ${text.slice(0, 500)}`);
  if (status < 400) return "accepted";
  const { code, message } = (json ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  mustHold(
    typeof message === "string" && message !== "",
    `it refuses with ${status} and no message: ${text.slice(0, 500)}`,
  );
  mustHold(typeof code === "string" || status === 400, `it refuses with ${status} and no code: ${text.slice(0, 500)}`);
  return "refused";
}

/** A query as it stands in a URL. */
export function queryText(query: Readonly<Record<string, unknown>>): string {
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => `${encoded(name)}=${encoded(String(each))}`),
  );
  return parameters.length === 0 ? "" : `?${parameters.join("&")}`;
}

/** As clients write it; lone halves of surrogate pairs, which no client can write, as what stands for them. */
export function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
