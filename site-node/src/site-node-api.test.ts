import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig, silentLog, systemClock } from "@holdfast/runtime";
import { afterEach, expect, test } from "vitest";
import { SiteConfig } from "./config.ts";
import { createSiteNode, type SiteNode } from "./site-node.ts";
import { ShapeHub } from "./testing/shape-hub.ts";
import { ALICE, accessRow } from "./testing/site-api.ts";
import { hostRow, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE } from "./testing/test-site.ts";

const HOST = "host-00000001";
const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each();
});

/** A hub that shows both scopes and takes nothing, until it is cut off. */
class SilentHub {
  cut = false;
  readonly #scopes = [new ShapeHub(TENANT_SCOPE), new ShapeHub(SITE_SCOPE)];

  constructor() {
    const rows = (...changes: ReturnType<typeof siteRow>[]) =>
      changes.flatMap((change) => (change.is === "row" ? [change] : []));
    this.#scopes[0]?.commit(...rows(siteRow(1), accessRow(ALICE, 2)));
    this.#scopes[1]?.commit(...rows(hostRow(HOST, 3)));
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(String(input));
    if (this.cut) throw new TypeError("fetch failed");
    if (url.pathname === "/v1/sites/self") {
      const tenant = { id: TENANT, name: "default" };
      return Response.json({ siteId: SITE, tenant, epoch: "epoch-1", protocol: 2, capabilities: [] });
    }
    const scope = url.search.includes(encodeURIComponent(TENANT_SCOPE)) ? 0 : 1;
    const shape = url.pathname === "/v1/shape" ? this.#scopes[scope] : undefined;
    return shape ? shape.fetch(input, init) : new Response("{}", { status: 503 });
  };

  hangUp(): void {
    this.cut = true;
    for (const scope of this.#scopes) scope.hangUp();
  }
}

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), "holdfast-site-api-"));
  cleanUp.push(() => rmSync(home, { recursive: true, force: true }));
  writeFileSync(join(home, "token"), "hfs_token-of-the-site\n");
  return home;
}

async function start(home: string, hub: SilentHub, more: readonly string[] = []): Promise<SiteNode> {
  const given = [
    ...["--home", join(home, "state"), "--hub-url", "http://127.0.0.1:9", "--site-id", SITE],
    ...["--token-file", join(home, "token"), "--site-port", "0", "--mqtt-port", "0"],
    ...more,
  ];
  const config = readConfig(SiteConfig, { arguments: given, environment: {} });
  const node = await createSiteNode(config, { clock: systemClock, log: silentLog, fetch: hub.fetch });
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= node.close());
  cleanUp.push(close);
  return { ...node, close };
}

async function ask(node: SiteNode, method: string, path: string, body?: unknown, token: string | null = ALICE) {
  const response = await fetch(`${node.url}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON the API answers with
  return { status: response.status, body: (await response.json()) as any, headers: response.headers };
}

test("over a real socket: an operator works at a site that is cut off, and goes on after its restart", async () => {
  const [home, hub] = [newHome(), new SilentHub()];
  const node = await start(home, hub);
  const path = `/v1/projects/default/compute/hosts/${HOST}`;
  await expect.poll(async () => (await ask(node, "GET", path)).status, { timeout: 10_000 }).toBe(200);
  expect(await ask(node, "GET", path, undefined, null)).toMatchObject({ status: 401 });

  hub.hangUp();
  const renamed = await ask(node, "PATCH", path, { name: "till" });
  expect(renamed).toMatchObject({ status: 200, body: { name: "till" } });
  expect(renamed.headers.get("holdfast-durability")).toBe("site");
  expect(Date.parse(renamed.headers.get("holdfast-hub-heard") ?? "")).toBeLessThanOrEqual(Date.now());
  await node.close();

  const again = await start(home, hub);
  expect((await ask(again, "GET", path)).body.name).toBe("till");
  expect(await ask(again, "PATCH", path, { name: "till 2" })).toMatchObject({ status: 200, body: { name: "till 2" } });
  const { body: status } = await ask(again, "GET", "/v1/status", undefined, null);
  expect(status).toMatchObject({
    ...{ site: SITE, tenant: { name: "default" }, intents: { waiting: 2, refused: 0 }, conflicts: { open: 0 } },
    ...{ hold: null, unsent: { lanes: { intent: { entries: 2, oldestAgeMs: expect.any(Number) } } } },
    ...{ hub: { heardAt: expect.any(Number) }, phase: { is: expect.any(String) } },
    fingerprint: expect.stringMatching(/^([0-9a-f]{4}-){4}[0-9a-f]{4}$/),
  });
});

test("a site-node tells of itself and its machines, cut off too, to its operators and where a setting says so", async () => {
  const [home, hub] = [newHome(), new SilentHub()];
  const node = await start(home, hub, ["--metrics-listen", "127.0.0.1:0"]);
  const path = `/v1/projects/default/compute/hosts/${HOST}`;
  await expect.poll(async () => (await ask(node, "GET", path)).status, { timeout: 10_000 }).toBe(200);
  hub.hangUp();
  await ask(node, "PATCH", path, { name: "till" });
  const metrics = await fetch(`${node.url}/metrics`, { headers: { authorization: `Bearer ${ALICE}` } });
  const text = await metrics.text();
  expect(metrics.status).toBe(200);
  expect(text).toMatch(/^holdfast_outbox_entries\{lane="intent"\} 1$/m);
  expect(text).toMatch(/^holdfast_feed_position\{scope="tenant"\} \d+$/m);
  expect(text).toMatch(/^holdfast_broker_connections 0$/m);
  expect(text).toMatch(new RegExp(`^edge_host_status\\{hostID="${HOST}",.*name="till",.*status="Running"\\} 0$`, "m"));
  expect((await fetch(`${node.url}/metrics`)).status).toBe(401);
  const open = readFileSync(join(home, "state", "metrics-url"), "utf8").trim();
  expect(await (await fetch(open)).text()).toContain("holdfast_hosts 1");
});

test("a site-node with a request that waits for the hub closes at once", async () => {
  const [home, hub] = [newHome(), new SilentHub()];
  const node = await start(home, hub);
  const path = `/v1/projects/default/compute/hosts/${HOST}`;
  await expect.poll(async () => (await ask(node, "GET", path)).status, { timeout: 10_000 }).toBe(200);
  const waiting = fetch(`${node.url}${path}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${ALICE}`, "content-type": "application/json", prefer: "wait=30" },
    body: JSON.stringify({ name: "till" }),
  });
  await expect.poll(async () => (await ask(node, "GET", path)).body.name).toBe("till");
  await node.close();
  expect((await waiting).headers.get("holdfast-durability")).toBe("site");
});
