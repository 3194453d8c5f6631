import { Fault, silentLog } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { createServer } from "./server.ts";
import { isLoopback, ownStatusRoute } from "./status-route.ts";

test.each([
  ["127.0.0.1", true],
  ["127.8.9.1", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["192.0.2.1", false],
  ["::ffff:192.0.2.1", false],
  ["127.0.0.1.example", false],
  ["2001:db8::127", false],
  [undefined, false],
])("whether %s is this machine: %s", (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

test("the status is open to this machine, and to nobody else without an operator's token", async () => {
  const app = createServer(silentLog);
  ownStatusRoute(app, {
    ...{ operationId: "GetStatus", summary: "How it fares" },
    status: async () => ({ site: "site-0000000a" }),
    authenticate: async ({ headers }) => {
      if (headers.authorization !== "Bearer good") throw new Fault("Unauthenticated", "a token is needed");
      return { actor: "operator:a", grants: [] };
    },
  });
  const ask = async (remoteAddress: string, headers = {}) =>
    (await app.inject({ method: "GET", url: "/v1/status", remoteAddress, headers })).statusCode;
  expect(await ask("127.0.0.1")).toBe(200);
  expect(await ask("192.0.2.1")).toBe(401);
  expect(await ask("192.0.2.1", { authorization: "Bearer bad" })).toBe(401);
  // Who stands between says what it likes.
  expect(await ask("192.0.2.1", { "x-forwarded-for": "127.0.0.1" })).toBe(401);
  expect(await ask("192.0.2.1", { authorization: "Bearer good" })).toBe(200);
  await app.close();
});
