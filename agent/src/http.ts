import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";

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

/** The same for what is only read. */
export function get(url: URL, signal: AbortSignal): Promise<Answer> {
  return ask(url, { method: "GET", headers: {}, content: "", signal });
}

interface Asked {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly content: string;
  readonly signal: AbortSignal;
}

/** Not `fetch`, which would load several megabytes into a process that asks once in its life. */
function ask(url: URL, { method, headers, content, signal }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === "https:" ? requestSecure : requestPlain;
    const asking = request(url, { method, agent: false, signal, headers }, (response) => {
      const chunks: Buffer[] = [];
      let received = 0;
      response.on("data", (chunk: Buffer) => {
        received += chunk.length;
        if (received > ANSWER_MOST) response.destroy(new Error(`an answer of more than ${ANSWER_MOST} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    asking.on("error", reject);
    asking.end(content);
  });
}
