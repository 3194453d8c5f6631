import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { askBrokerPort } from "./broker-port.ts";
import { manualClock } from "./testing/manual-clock.ts";

/** What an agent makes of this answer of its site's `/v1/health`; the site never answers when there is none. */
async function portIn(answer: string | undefined): Promise<number | undefined> {
  const clock = manualClock();
  const server = createServer((request, response) => {
    if (answer === undefined) void clock.advance(10_000);
    else if (request.url === "/v1/health") response.end(answer);
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const siteUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return await askBrokerPort({ clock, siteUrl, signal: new AbortController().signal });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("the port is the one that the site's health names", async () => {
  expect(await portIn('{"status":"active","mqtt":{"port":1884}}')).toBe(1_884);
});

test.each([
  ["no answer", undefined],
  ["an answer that names no port", '{"status":"active"}'],
  ["an answer that is not JSON", "<html>"],
  ["a port that is a text", '{"mqtt":{"port":"1884"}}'],
  ["a port that is none", '{"mqtt":{"port":0}}'],
  ["a port that is too large", '{"mqtt":{"port":70000}}'],
])("%s leaves the port unknown", async (_what, answer) => {
  expect(await portIn(answer)).toBeUndefined();
});
