import { Agent, get } from "node:http";
import { serve } from "./serve.ts";

interface Options {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Paths by the sort of question. */
  readonly hosts: readonly string[];
  readonly lists: readonly string[];
}

/** How long each answer took, in milliseconds. */
export interface Latencies {
  readonly host: readonly number[];
  readonly list: readonly number[];
}

/** One question every so many milliseconds, whether or not earlier ones are answered; apart enough that idle they never meet. */
const EVERY = 30;
const LIST_AMONG = 8;
const TRIES = 10;

/** Operators who ask for a host or a page of hosts at a steady pace. */
serve(async ({ url, headers, hosts, lists }: Options) => {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 64 });

  function askOnce(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      get(`${url}${path}`, { agent, headers }, (answer) => {
        answer.resume().once("end", () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`${path}: ${answer.statusCode}`));
        });
      }).once("error", reject);
    });
  }

  /** A connection may be refused or end: whoever asks does so again, and has waited all the while. */
  async function ask(path: string): Promise<number> {
    const began = performance.now();
    for (let failures = 0; ; failures += 1) {
      try {
        await askOnce(path);
        return performance.now() - began;
      } catch (error) {
        if (failures >= TRIES) throw error;
      }
    }
  }

  function begin(path: string, into: Promise<number>[]): void {
    const asked = ask(path);
    asked.catch(() => undefined);
    into.push(asked);
  }

  let asking: ReturnType<typeof setInterval> | undefined;
  let host: Promise<number>[] = [];
  let list: Promise<number>[] = [];
  let asked = 0;
  const pathOf = (paths: readonly string[]) => paths[(asked * 7_919) % paths.length] ?? "";
  return {
    begin() {
      [host, list] = [[], []];
      asking = setInterval(() => {
        asked += 1;
        if (asked % LIST_AMONG === 0) begin(pathOf(lists), list);
        else begin(pathOf(hosts), host);
      }, EVERY);
    },
    async end(): Promise<Latencies> {
      clearInterval(asking);
      return { host: await Promise.all(host), list: await Promise.all(list) };
    },
  };
});
