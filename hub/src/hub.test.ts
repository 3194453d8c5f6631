import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog, messageOf, silentLog, systemClock } from "@holdfast/runtime";
import { sql } from "kysely";
import { Value } from "typebox/value";
import { expect, test } from "vitest";
import { HubConfig } from "./config.ts";
import { createHub } from "./hub.ts";
import { Sender, startTestHub } from "./hub-harness.ts";

const DEFAULTS = Value.Default(HubConfig, {}) as HubConfig;
const SURROUNDINGS = { clock: systemClock, log: silentLog };

test("the first start makes the project default and an operator's token that only its owner reads", async () => {
  await using hub = await startTestHub();
  expect(statSync(join(hub.home, "operator-token")).mode & 0o777).toBe(0o600);
  expect(statSync(join(hub.home, "hub-url")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(hub.home, "hub-url"), "utf8").trim()).toBe(hub.url);
  expect(await hub.ask("GET", "/v1/projects/default/sites")).toMatchObject({ status: 200, body: { totalElements: 0 } });
});

test("a later start keeps the project, the token and what was made", async () => {
  await using hub = await startTestHub();
  const { id } = await hub.site();
  await hub.restart();
  expect(await hub.ask("GET", `/v1/projects/default/sites/${id}`)).toMatchObject({ status: 200 });
  expect(readFileSync(join(hub.home, "operator-token"), "utf8").trim()).toBe(hub.operator);
  expect(await hub.hub.tokens.list()).toHaveLength(2);
});

test("a second hub on the same home is refused", async () => {
  await using hub = await startTestHub();
  const second = createHub({ ...DEFAULTS, home: hub.home, hubPort: 0 }, SURROUNDINGS);
  await expect(second).rejects.toThrow(/in use by another hub/);
  expect((await hub.ask("GET", "/v1/health")).status).toBe(200);
});

test("a taken port is refused in the words of its flag, and the home is let go", async () => {
  await using hub = await startTestHub();
  await using other = await startTestHub();
  await other.stop();
  const config = { ...DEFAULTS, home: other.home, hubPort: hub.hub.port };
  await expect(createHub(config, SURROUNDINGS)).rejects.toThrow(/--hub-port/);
  await other.restart();
});

test.each([
  ["a home that is a file's", { home: "/dev/null/home" }, /^--home \/dev\/null\/home cannot be used: ENOTDIR/],
  [
    "an address that is not this machine's",
    { listen: "192.0.2.1", tls: "at-proxy" as const },
    /^--listen 192\.0\.2\.1: no such address here/,
  ],
])("%s is refused in the words of its flag", async (_, settings, message) => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-hub-"));
  const refused = createHub({ ...DEFAULTS, home, hubPort: 0, ...settings }, SURROUNDINGS).catch(messageOf);
  expect(await refused).toMatch(message);
  rmSync(home, { recursive: true });
});

test("a database that is none is refused by its name", async () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-hub-"));
  writeFileSync(join(home, "hub.db"), "not a database");
  const refused = createHub({ ...DEFAULTS, home, hubPort: 0 }, SURROUNDINGS).catch(messageOf);
  expect(await refused).toMatch(/hub\.db cannot be opened as a database: .*not a database/);
  rmSync(home, { recursive: true });
});

test("a full disk is said, sets no entry of a site aside, and is forgotten when there is room again", async () => {
  await using hub = await startTestHub();
  const { store } = hub.hub;
  const sender = new Sender(hub, await hub.site());
  const pages = (most: number) =>
    store.write((transaction) => sql`pragma max_page_count = ${sql.raw(String(most))}`.execute(transaction.tables()));
  await pages(1);
  const name = "n".repeat(50);
  const ask = () => hub.ask("POST", "/v1/projects/default/regions", { name });
  let answer = await ask();
  for (let count = 0; count < 500 && answer.status === 200; count += 1) answer = await ask();
  expect(answer).toMatchObject({
    status: 503,
    body: { code: "Unavailable", message: "the disk of the database is full" },
  });
  expect((await hub.ask("GET", "/v1/projects/default/regions")).status).toBe(200);
  expect((await hub.ask("GET", "/v1/status")).body).toMatchObject({
    disk: { file: "hub.db", error: expect.stringContaining("full"), since: expect.any(Number) },
  });
  const event = {
    type: "event",
    id: "e",
    kind: "host",
    subject: "s",
    event: "e",
    at: 1,
    detail: { x: "x".repeat(9_999) },
  };
  const sealed = sender.seal([event]);
  expect((await sender.post(sealed)).status).toBe(503);
  await pages(1_000_000);
  expect((await ask()).status).toBe(200);
  expect((await sender.post(sealed)).body).toMatchObject({ cursor: 1, outcomes: [] });
});

test("a hub that is started on a full disk answers, though it cannot write down where", async () => {
  const home = mkdtempSync(join(tmpdir(), "holdfast-hub-"));
  const first = await createHub({ ...DEFAULTS, home, hubPort: 0 }, SURROUNDINGS);
  await first.close();
  // Whatever is written there finds no room.
  symlinkSync("/dev/full", join(home, "hub-url.tmp"));
  const lines: string[] = [];
  const log = createLog("test", "info", { write: (line) => void lines.push(line) });
  const hub = await createHub({ ...DEFAULTS, home, hubPort: 0 }, { ...SURROUNDINGS, log });
  expect((await fetch(`${hub.url}/v1/health`)).status).toBe(200);
  expect(lines.join()).toContain("where the hub answers could not be written down");
  await hub.close();
  rmSync(home, { recursive: true });
});

test("a request that is never sent to its end does not hold up a hub that closes", async () => {
  await using hub = await startTestHub();
  const begun = once(hub.hub.app.server, "request");
  const slow = connect(hub.hub.port, "127.0.0.1").on("error", () => undefined);
  const ended = new Promise<void>((resolve) => void slow.on("close", () => resolve()));
  const head = ["POST /v1/projects/default/regions HTTP/1.1", "Host: hub", `Authorization: Bearer ${hub.operator}`];
  slow.write([...head, "Content-Type: application/json", "Content-Length: 100", "", '{"name":'].join("\r\n"));
  await begun;
  const from = systemClock.monotonic();
  await hub.stop();
  expect(systemClock.monotonic() - from).toBeLessThan(10_000);
  await ended;
});

test("the document says of every operation of the hub what it is called, takes and answers", async () => {
  await using hub = await startTestHub();
  const { paths, components } = (await hub.ask("GET", "/openapi.json")).body;
  const operations = Object.entries<Record<string, Operation>>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  );
  for (const { name, operation } of operations) {
    const [answer] = Object.values(operation.responses["200"]?.content ?? {});
    expect([name, operation.operationId, answer?.schema]).toEqual([name, expect.any(String), expect.any(Object)]);
    const takesBody = /^post .*(tokens|uplink)$/.test(name);
    if (takesBody) expect([name, operation.requestBody]).toEqual([name, expect.any(Object)]);
  }
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const path of ["/v1/shape", "/v1/sites/{siteId}/uplink", "/v1/sites/self"]) expect(paths).toHaveProperty([path]);
  expect(components.schemas.HostResource.properties.generation.description).toContain("409");
});

interface Operation {
  readonly operationId?: string;
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>>;
}
