import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Clock } from "./clock.ts";
import { closing } from "./closing.ts";

const REQUEST = "GET / HTTP/1.1\r\nhost: here\r\n\r\n";

/** A clock at which nothing is ever late, unless it is told so. */
class PatientClock implements Clock {
  readonly #late = Promise.withResolvers<void>();
  now = () => 0;
  monotonic = () => 0;
  tooLate = () => this.#late.resolve();
  async sleep(_: number, signal: AbortSignal): Promise<void> {
    const aborted = once(signal, "abort").then(() => Promise.reject(signal.reason));
    await Promise.race([this.#late.promise, aborted]);
  }
}

async function answeringWith(answer: RequestListener) {
  const server = createServer(answer);
  const clock = new PatientClock();
  const stopped = () => new Promise((resolve) => server.close(resolve));
  const { close } = closing({ server, close: stopped }, clock);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => server.closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return {
    clock,
    close,
    async connected(): Promise<Socket> {
      const socket = connect(port, "127.0.0.1");
      onTestFinished(() => void socket.destroy());
      const accepted = once(server, "connection");
      await Promise.all([once(socket, "connect"), accepted]);
      return socket;
    },
  };
}

test("a connection on which nothing was ever asked does not hold up a server that closes", async () => {
  const { close, connected } = await answeringWith((_, response) => void response.end("here"));
  const unused = await connected();
  const ended = once(unused.resume(), "close");
  await close();
  await ended;
});

test("what has begun is answered before the server is closed", async () => {
  const begun = Promise.withResolvers<() => void>();
  const { close, connected } = await answeringWith((_, response) => begun.resolve(() => void response.end("here")));
  const socket = await connected();
  let answered = "";
  socket.on("data", (part) => {
    answered += part;
  });
  socket.write(REQUEST);
  const answer = await begun.promise;
  const closed = close();
  answer();
  await Promise.all([closed, once(socket, "close")]);
  expect(answered).toMatch(/here/);
});

test("who does not read the answer is waited for no longer than it may take", async () => {
  const begun = Promise.withResolvers<void>();
  const { clock, close, connected } = await answeringWith(() => begun.resolve());
  (await connected()).write(REQUEST);
  await begun.promise;
  const closed = close();
  clock.tooLate();
  await closed;
});
