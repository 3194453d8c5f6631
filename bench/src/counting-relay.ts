import { connect, createServer, type Socket } from "node:net";

/** A stretch of TCP between a site and its hub that counts what passes, both ways. */
export interface CountingRelay extends AsyncDisposable {
  readonly url: string;
  /** Bytes of payload since the beginning: what HTTP and, where there is any, TLS put on the wire. */
  readonly bytes: number;
  readonly connections: number;
  /** Connections made since the beginning. */
  readonly opened: number;
  /** Ends every connection; new ones get through. */
  cut(): void;
}

export async function relayTo(target: string): Promise<CountingRelay> {
  const { hostname: host, port } = new URL(target);
  const open = new Set<Socket>();
  let bytes = 0;
  let opened = 0;
  const server = createServer((near) => {
    opened += 1;
    const far = connect(Number(port), host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on("data", (chunk) => {
        bytes += chunk.length;
        to.write(chunk);
      });
      from.once("error", () => to.destroy());
      from.once("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  const own = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${own}`,
    get bytes() {
      return bytes;
    },
    get connections() {
      return open.size / 2;
    },
    get opened() {
      return opened;
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
