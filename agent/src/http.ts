import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import type { Readable } from "node:stream";
import { Fault } from "@holdfast/runtime";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Post {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

/** No answer that is meant for an agent is longer. Bytes. */
const ANSWER_MOST = 64 * 1024;

/** Posts JSON and resolves to the answer, whatever its status; redirects are not followed. */
export function post(url: URL, { headers, body, signal }: Post): Promise<Answer> {
  const content = JSON.stringify(body);
  const length = { "content-type": "application/json", "content-length": String(Buffer.byteLength(content)) };
  return ask(url, { method: "POST", headers: { ...headers, ...length }, content, signal });
}

/** The same for what is only read; `most` bytes of it. */
export function get(url: URL, signal: AbortSignal, most = ANSWER_MOST): Promise<Answer> {
  return ask(url, { method: "GET", headers: {}, content: "", signal, most });
}

/** The body of what is only read, as it comes; it has to be read or destroyed. Rejects when the status is not 200. */
export function download(url: URL, signal: AbortSignal): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? requestSecure : requestPlain;
    const asking = request(url, { method: "GET", agent: false, signal }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      response.destroy();
      reject(new Fault("Unavailable", `${url.pathname}: ${response.statusCode}`));
    });
    asking.on("error", reject);
    asking.end();
  });
}

interface Asked {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string;
  readonly signal: AbortSignal;
  readonly most?: number;
}

/** Not `fetch`, which would load several megabytes into a process that asks once in its life. */
function ask(url: URL, { method, headers, content, signal, most = ANSWER_MOST }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? requestSecure : requestPlain;
    const asking = request(url, { method, agent: false, signal, headers }, (response) => {
      const chunks: Buffer[] = [];
      let received = 0;
      response.on("data", (chunk: Buffer) => {
        received += chunk.length;
        if (received > most) response.destroy(new Error(`an answer of more than ${most} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    asking.on("error", reject);
    asking.end(content);
  });
}
