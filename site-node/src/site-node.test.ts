import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig, silentLog, systemClock } from "@holdfast/runtime";
import { afterEach, expect, test } from "vitest";
import { SiteConfig } from "./config.ts";
import { createSiteNode, type SiteNode } from "./site-node.ts";

const SITE = "site-0000000a";
const unreachable: typeof fetch = async () => {
  throw new TypeError("fetch failed");
};
const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each();
});

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), "holdfast-site-node-"));
  cleanUp.push(() => rmSync(home, { recursive: true, force: true }));
  writeFileSync(join(home, "token"), "hfs_token-of-the-site\n");
  return home;
}

function config(home: string, more: Record<string, string> = {}) {
  const settings = {
    ...{
      home: join(home, "state"),
      "hub-url": "http://127.0.0.1:9",
      "site-id": SITE,
      "token-file": join(home, "token"),
    },
    ...{ "site-port": "0", "mqtt-port": "0", ...more },
  };
  const given = Object.entries(settings).flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value]));
  return readConfig(SiteConfig, { arguments: given, environment: {} });
}

async function start(home: string, more: Record<string, string> = {}, carry = unreachable): Promise<SiteNode> {
  const node = await createSiteNode(config(home, more), { clock: systemClock, log: silentLog, fetch: carry });
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= node.close());
  cleanUp.push(close);
  return { ...node, close };
}

async function enrol(
  node: SiteNode,
  body: unknown,
): Promise<{ status: number; body: { code?: string; message?: string } }> {
  const response = await fetch(`${node.url}/v1/enroll`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as { code?: string; message?: string } };
}

const REQUEST = {
  token: "hfe_a-token-that-is-long-enough",
  machine: "0123456789abcdef0123456789abcdef",
  ...{ agent: "0.1.0", protocol: 1, capabilities: [] },
};

test("a site-node starts and serves with its hub away, also the very first time", async () => {
  const home = newHome();
  const node = await start(home);
  expect(await (await fetch(`${node.url}/v1/health`)).json()).toEqual({
    status: "active",
    siteId: SITE,
    mqtt: { port: node.mqttPort },
  });
  const status = await (await fetch(`${node.url}/v1/status`)).json();
  expect(status).toMatchObject({ site: SITE, tenant: null, stream: null, hosts: { held: 0, connected: 0 } });
  expect(readFileSync(join(home, "state", "site-url"), "utf8").trim()).toBe(node.url);
  expect(await enrol(node, REQUEST)).toMatchObject({ status: 503, body: { code: "Unavailable" } });
});

test.each<[string, unknown, number, RegExp]>([
  ["a token that is too short", { ...REQUEST, token: "short" }, 400, /token/],
  ["no machine", { ...REQUEST, machine: undefined }, 400, /machine/],
  ["a machine of a wrong type", { ...REQUEST, machine: 7 }, 400, /machine/],
  ["a UUID that is none", { ...REQUEST, uuid: "not-a-uuid" }, 400, /uuid/],
  ["a field nobody knows", { ...REQUEST, admin: true }, 400, /additional/],
  ["a body that is not JSON", "{", 400, /JSON/],
  ["a body of 20 KB", { ...REQUEST, hostname: "x".repeat(20_000) }, 413, /too large/],
  ["a protocol of the future", { ...REQUEST, protocol: 99 }, 426, /protocol 99/],
])("an enrolment with %s is refused naming it", async (_what, body, status, message) => {
  const node = await start(newHome());
  const answer = await enrol(node, body);
  expect(answer.status).toBe(status);
  expect(answer.body.message).toMatch(message);
});

test("an address that guesses tokens has to wait", async () => {
  const answers = (path: string) =>
    path === "/v1/sites/self"
      ? {
          siteId: SITE,
          tenant: { id: "11111111-1111-4111-8111-111111111111", name: "default" },
          epoch: "e",
          protocol: 1,
          capabilities: [],
        }
      : undefined;
  const hub: typeof fetch = async (input, init) => {
    const url = new URL(String(input));
    const body = answers(url.pathname);
    if (body) return new Response(JSON.stringify(body));
    if (url.searchParams.get("live") === "true")
      await new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
    const text =
      url.searchParams.get("offset") === "-1"
        ? "[]"
        : '[{"headers":{"control":"up-to-date","global_last_seen_lsn":"0"}}]';
    const headers = { "electric-handle": "h", "electric-offset": "0_0", "electric-schema": "{}" };
    return url.pathname === "/v1/shape" ? new Response(text, { headers }) : new Response("{}", { status: 503 });
  };
  const node = await start(newHome(), {}, hub);
  const seen: number[] = [];
  for (let tries = 0; tries < 400 && seen.at(-1) !== 429; tries += 1) {
    seen.push((await enrol(node, REQUEST)).status);
    if (seen.at(-1) === 503) await systemClock.sleep(25);
  }
  expect(seen.filter((status) => status === 401)).toHaveLength(10);
  expect(seen.at(-1)).toBe(429);
});

test("a second site-node on the same home is refused, and may start when the first has closed", async () => {
  const home = newHome();
  const first = await start(home);
  await expect(start(home)).rejects.toThrow(/in use by another site-node/);
  await first.close();
  await start(home);
});

test.each([
  ["site-port", "--site-port"],
  ["mqtt-port", "--mqtt-port"],
])("a %s that is taken is named with the flag that chooses another", async (setting, flag) => {
  const home = newHome();
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  cleanUp.push(() => void taken.close());
  const { port } = taken.address() as { port: number };
  await expect(start(home, { [setting]: String(port) })).rejects.toThrow(flag);
  // Nothing of the failed start is left behind.
  await start(home);
});

test("a home remembers whose it is, and is no other site's", async () => {
  const home = newHome();
  await (await start(home)).close();
  await (await start(home, { "site-id": "" })).close();
  await expect(start(home, { "site-id": "site-0000000b" })).rejects.toThrow(/is that of site-0000000a/);
});

test.each([
  ["no site id at the first start", { "site-id": "" }, /--site-id/],
  ["a token file that is not there", { "token-file": "/nonexistent/token" }, /--token-file/],
])("%s is said in the words of the setting", async (_what, more, message) => {
  await expect(start(newHome(), more)).rejects.toThrow(message);
});

test("an empty token file is said at the start, not at each request", async () => {
  const home = newHome();
  writeFileSync(join(home, "token"), "\n");
  await expect(start(home)).rejects.toThrow(/holds no token/);
});
