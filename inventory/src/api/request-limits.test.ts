import type { Clock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { type ApiUnderTest, openApi, type TestOptions } from "./api-under-test.ts";
import { readProxies } from "./request-limits.ts";

interface Asked {
  readonly from?: string;
  readonly as?: string;
  readonly path?: string;
  readonly forwardedFor?: string;
}

async function ask(
  api: ApiUnderTest,
  { from = "192.0.2.1", as = "writer", path = "regions", forwardedFor }: Asked = {},
) {
  const { statusCode, headers, body } = await api.app.inject({
    method: "GET",
    url: path.startsWith("/") ? path : `/v1/projects/acme/${path}`,
    remoteAddress: from,
    headers: { authorization: `Bearer ${as}`, ...(forwardedFor ? { "x-forwarded-for": forwardedFor } : {}) },
  });
  return { status: statusCode, retryAfter: headers["retry-after"], body };
}

async function statuses(api: ApiUnderTest, count: number, asked: Asked): Promise<string> {
  const found: number[] = [];
  for (let asking = 0; asking < count; asking++) found.push((await ask(api, asked)).status);
  return [...Map.groupBy(found, (status) => status)].map(([status, all]) => `${all.length}×${status}`).join(" ");
}

function limited(options: TestOptions = {}): { opened: Promise<ApiUnderTest>; pass: (milliseconds: number) => void } {
  let now = 0;
  const clock: Clock = { now: () => now, monotonic: () => now, sleep: async () => {} };
  const opened = openApi({ clock, requestsPerSecond: 2, ...options });
  return {
    opened,
    pass(milliseconds) {
      now += milliseconds;
    },
  };
}

test("an address may ask so much a second, ten seconds' worth at once, and is told when to ask again", async () => {
  const { opened, pass } = limited();
  await using api = await opened;
  expect(await statuses(api, 21, { as: "nobody" })).toBe("20×401 1×429");
  const refused = await ask(api);
  expect(refused).toEqual({
    status: 429,
    retryAfter: "1",
    body: '{"code":"ResourceExhausted","message":"too many requests from this address: 2 a second are taken"}',
  });
  expect((await ask(api, { path: "/nothing" })).status).toBe(429);
  expect((await ask(api, { from: "192.0.2.2" })).status).toBe(200);
  pass(1_000);
  expect(await statuses(api, 3, {})).toBe("2×200 1×429");
});

test("a token may do so too, from however many addresses", async () => {
  const { opened, pass } = limited();
  await using api = await opened;
  const asked = Array.from({ length: 21 }, (_, index) => ask(api, { from: `192.0.2.${index}` }));
  const answers = await Promise.all(asked);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(1);
  expect((await ask(api, { from: "192.0.2.99" })).body).toContain("too many requests with this token");
  expect((await ask(api, { from: "192.0.2.98", as: "reader" })).status).toBe(200);
  pass(10_000);
  expect((await ask(api)).status).toBe(200);
});

test("what sites ask has a limit that a thousand of them behind one address do not reach", async () => {
  const { opened } = limited({
    extend: (app) => void app.get("/v1/site", { config: { auth: "own" } }, async () => ({})),
  });
  await using api = await opened;
  expect(await statuses(api, 1_001, { path: "/v1/site" })).toBe("1000×200 1×429");
  expect((await ask(api)).status).toBe(200);
});

test("but not what people ask without having signed in yet", async () => {
  const { opened } = limited({
    extend: (app) => void app.get("/v1/people", { config: { auth: "own", limit: "people" } }, async () => ({})),
  });
  await using api = await opened;
  expect(await statuses(api, 21, { path: "/v1/people" })).toBe("20×200 1×429");
});

test("who has one IPv6 address of a network has all, and is limited by all", async () => {
  const { opened } = limited();
  await using api = await opened;
  expect(await statuses(api, 20, { from: "2001:db8:1:2::1", as: "nobody" })).toBe("20×401");
  expect((await ask(api, { from: "2001:db8:1:2:ffff::2", as: "nobody" })).status).toBe(429);
  expect((await ask(api, { from: "2001:db8:1:3::1", as: "nobody" })).status).toBe(401);
});

test("nobody is limited where no limit is set", async () => {
  const { opened } = limited({ requestsPerSecond: 0 });
  await using api = await opened;
  expect(await statuses(api, 200, {})).toBe("200×200");
});

test("who asks is what a trusted proxy says, and nobody else", async () => {
  const { opened } = limited({ trustedProxies: ["10.0.0.0/8"] });
  await using api = await opened;
  const behind = { from: "10.1.2.3", as: "nobody" };
  expect(await statuses(api, 21, { ...behind, forwardedFor: "192.0.2.1" })).toBe("20×401 1×429");
  expect((await ask(api, { ...behind, forwardedFor: "192.0.2.2" })).status).toBe(401);
  expect((await ask(api, { from: "192.0.2.1", forwardedFor: "192.0.2.3" })).status).toBe(429);
});

test("proxies are addresses and networks; what is neither is refused, naming the setting", () => {
  expect(readProxies("--trusted-proxies", "")).toEqual([]);
  expect(readProxies("--trusted-proxies", "127.0.0.1, 10.0.0.0/8,fd00::/8")).toEqual([
    "127.0.0.1",
    "10.0.0.0/8",
    "fd00::/8",
  ]);
  expect(() => readProxies("--trusted-proxies", "proxy.example")).toThrow(
    '--trusted-proxies: "proxy.example" is no address',
  );
});
