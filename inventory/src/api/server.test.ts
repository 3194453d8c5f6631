import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { silentLog } from "@holdfast/runtime";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createServer, LONGEST_REQUEST } from "./server.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("a server comes up on a machine that is busy with others, however long its parts take", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const app = createServer(silentLog);
  const slow = Promise.withResolvers<void>();
  const up = Promise.withResolvers<string>();
  void app.register((_app, _options, done) => void slow.promise.then(() => done()));
  void app.ready((error) => up.resolve(error?.message ?? "up"));
  await vi.advanceTimersByTimeAsync(600_000);
  slow.resolve();
  expect(await up.promise).toBe("up");
  await app.close();
});

/** A server's answer to what a client writes, head and body, once the connection has ended. */
async function answerTo(written: string, answerInTime = 15_000): Promise<{ head: string; body: string }> {
  const app = createServer(silentLog);
  app.get("/", async () => ({ answered: true }));
  app.post("/", { handlerTimeout: answerInTime }, async () => ({ answered: true }));
  onTestFinished(() => app.close());
  await app.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(written);
  const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
  return { head, body };
}

describe("refused in the words of every error, with a request id", () => {
  test.each([
    ["a request that names no host", "GET / HTTP/1.1", 400, "the request has no Host header"],
    ["what is no HTTP", "NONSENSE", 400, "this is no HTTP request"],
    ["a head that is too large", `GET / HTTP/1.1\r\nHost: x\r\nA: ${"x".repeat(20_000)}`, 431, "headers are too large"],
    ["a tunnel", "CONNECT there:1 HTTP/1.1\r\nHost: x", 405, "nothing is offered with CONNECT"],
  ])("%s", async (_, written, status, message) => {
    const { head, body } = await answerTo(`${written}\r\nConnection: close\r\n\r\n`);
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/^x-request-id: [0-9a-f-]{36}$/im);
    expect(JSON.parse(body)).toEqual({ code: expect.any(String), message: expect.stringContaining(message) });
  });
});

test.each([
  ["an expectation that nobody knows", "GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\nConnection: close\r\n\r\n"],
  ["a client of HTTP/1.0, which names no host", "GET / HTTP/1.0\r\n\r\n"],
])("%s is answered like others", async (_, written) => {
  const { head, body } = await answerTo(written);
  expect([head.split("\r\n")[0], body]).toEqual(["HTTP/1.1 200 OK", '{"answered":true}']);
});

test("a body that does not come in time is not waited for any longer", async () => {
  const begun = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
  const { head, body } = await answerTo(begun, 20);
  expect(head).toMatch(/^HTTP\/1.1 503 /);
  expect(JSON.parse(body)).toMatchObject({ code: "Unavailable" });
});

test("a head has fifteen seconds to come, also where bodies have longer", () => {
  const app = createServer(silentLog);
  app.server.requestTimeout = 60_000;
  expect([LONGEST_REQUEST, app.server.headersTimeout]).toEqual([15_000, 15_000]);
});
