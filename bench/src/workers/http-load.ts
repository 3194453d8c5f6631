import { connect, type Socket } from "node:net";
import { serve } from "./serve.ts";

interface Options {
  readonly connections: number;
}

interface Load {
  readonly port: number;
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly seconds: number;
}

export interface LoadAnswer {
  readonly requests: number;
  readonly perSecond: number;
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");

/** One connection that asks, waits for the whole answer, and asks again: as little work as an HTTP client can do. */
class Connection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #answered: ((error?: Error) => void) | undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (bytes) => this.#take(bytes));
    this.#socket.on("error", (error) => this.#answered?.(error));
    this.#socket.on("close", () => this.#answered?.(new Error("the server ended a connection")));
  }

  ask(request: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answered = (error) => (error ? reject(error) : resolve());
      this.#socket.write(request);
    });
  }

  end(): void {
    this.#answered = undefined;
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const end = this.#received.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.#received.toString("latin1", 0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
    if (this.#received.length < end + END_OF_HEAD.length + length) return;
    this.#received = Buffer.alloc(0);
    this.#answered?.(head.startsWith("HTTP/1.1 200") ? undefined : new Error(head));
  }
}

serve(async ({ connections: count }: Options) => ({
  /** Asks for the paths one after another, over all connections at once, for so long. */
  async load({ port, paths, headers, seconds }: Load): Promise<LoadAnswer> {
    const lines = Object.entries({ host: "127.0.0.1", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const requests = paths.map((path) => `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
    const connections = Array.from({ length: count }, () => new Connection(port));
    const began = performance.now();
    const until = began + seconds * 1_000;
    let answered = 0;
    await Promise.all(
      connections.map(async (connection) => {
        while (performance.now() < until) {
          await connection.ask(requests[answered++ % requests.length] ?? "");
        }
      }),
    );
    const took = (performance.now() - began) / 1_000;
    for (const connection of connections) connection.end();
    return { requests: answered, perSecond: answered / took };
  },
}));
