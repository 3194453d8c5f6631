import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { CAPABILITIES_HEADER, PROTOCOL_HEADER, siteScope, tenantScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { startTestHub, type TestHub, type TestSite, until } from "../hub-harness.ts";

interface Ask {
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly signal?: AbortSignal;
}

/** One request for a site's own scope, with what a test changes of it. */
async function ask(hub: TestHub, site: TestSite, { query, headers, method = "GET", signal }: Ask = {}) {
  const url = new URL(`${hub.url}/v1/shape`);
  const asked = { table: "feed", where: "scope = $1", "params[1]": siteScope(site.id), offset: "-1", ...query };
  for (const [name, value] of Object.entries(asked)) if (value !== undefined) url.searchParams.set(name, value);
  return fetch(url, { method, headers: { ...site.headers, ...headers }, ...(signal ? { signal } : {}) });
}

async function append(hub: TestHub, site: TestSite, count: number, body: object = {}): Promise<void> {
  await hub.hub.store.write(async (transaction) => {
    for (let index = 0; index < count; index += 1) {
      await transaction.appendFeed(siteScope(site.id), "thing", `row-${index}`, { index, ...body });
    }
  });
}

const positionOf = (response: Response) => ({
  handle: response.headers.get("electric-handle") ?? "",
  offset: response.headers.get("electric-offset") ?? "",
});

test("an answer carries the headers that the client needs, and no shared cache may keep it (rule 11)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await append(hub, site, 2);
  const response = await ask(hub, site);
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toMatch(/^private/);
  expect(response.headers.get("vary")).toContain("authorization");
  expect(response.headers.get("electric-up-to-date")).toBe("");
  expect(JSON.parse(response.headers.get("electric-schema") ?? "")).toMatchObject({ id: { type: "text", dims: 0 } });
  const messages = (await response.json()) as { headers: object; value?: object }[];
  expect(messages).toHaveLength(3);
  expect(messages[0]).toMatchObject({ value: { scope: siteScope(site.id), kind: "thing", id: "row-0" } });
  expect(messages[2]).toMatchObject({ headers: { control: "up-to-date" } });
});

test("a page is compressed for a client that takes it, and not for one that does not", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await append(hub, site, 50, { padding: "x".repeat(200) });
  const plain = await ask(hub, site, { headers: { "accept-encoding": "identity" } });
  const packed = await ask(hub, site, { headers: { "accept-encoding": "br, gzip;q=0.8" } });
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(packed.headers.get("content-encoding")).toBe("gzip");
  expect(Number(packed.headers.get("content-length"))).toBeLessThan(Number(plain.headers.get("content-length")) / 5);
  expect(await packed.text()).toBe(await plain.text());
  const refused = await ask(hub, site, { headers: { "accept-encoding": "gzip;q=0" } });
  expect(refused.headers.get("content-encoding")).toBeNull();
});

test("a page ends soon after a megabyte", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await append(hub, site, 12, { padding: "x".repeat(200_000) });
  const response = await ask(hub, site);
  const size = (await response.text()).length;
  expect(size).toBeGreaterThan(1_000_000);
  expect(size).toBeLessThan(1_500_000);
  expect(response.headers.get("electric-up-to-date")).toBeNull();
});

test("a client that has a page is told so with 304", async () => {
  await using hub = await startTestHub({ pageRows: 2 });
  const site = await hub.site();
  await append(hub, site, 5);
  const query = positionOf(await ask(hub, site));
  const page = await ask(hub, site, { query });
  const etag = page.headers.get("etag") ?? "";
  expect(etag).not.toBe("");
  const again = await ask(hub, site, { query, headers: { "if-none-match": etag } });
  expect([again.status, await again.text()]).toEqual([304, ""]);
  expect(positionOf(again)).toEqual(positionOf(page));
  expect((await ask(hub, site, { query, headers: { "if-none-match": '"other"' } })).status).toBe(200);
});

test("offset now skips the history", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await append(hub, site, 3);
  const now = await ask(hub, site, { query: { offset: "now" } });
  expect(await now.json()).toHaveLength(1);
  const { offset } = positionOf(await ask(hub, site));
  expect(positionOf(now).offset).toBe(offset);
});

test("a handle that the hub did not give for this scope and epoch gets 409 with another handle", async () => {
  await using hub = await startTestHub();
  const [site, other] = [await hub.site(), await hub.site()];
  const { handle: foreign, offset } = positionOf(
    await ask(hub, other, { query: { "params[1]": siteScope(other.id) } }),
  );
  for (const handle of [foreign, "nonsense", ""]) {
    const response = await ask(hub, site, { query: { handle, offset } });
    expect(response.status).toBe(409);
    expect(await response.json()).toEqual([{ headers: { control: "must-refetch" } }]);
    expect(positionOf(response).handle).not.toBe(handle);
    expect(response.headers.get("cache-control")).toMatch(/^private/);
  }
});

test("an offset beyond the log's end gets 409, live or not (rule 10)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const { handle } = positionOf(await ask(hub, site));
  for (const live of ["false", "true"]) {
    const response = await ask(hub, site, { query: { handle, offset: "999999_0", live } });
    expect(response.status).toBe(409);
    expect(positionOf(response).handle).not.toBe(handle);
  }
});

const BAD_REQUESTS: [what: string, query: Record<string, string | undefined>, parameter: string][] = [
  ["no table", { table: undefined }, "table"],
  ["another table", { table: "host" }, "table"],
  ["no where", { where: undefined }, "where"],
  ["a where that names more than one scope", { where: "scope = $1 or true" }, "where"],
  ["a where on another column", { where: "kind = $1" }, "where"],
  ["a parameter without a value", { "params[1]": undefined }, "params"],
  ["what is no scope", { "params[1]": "site:nowhere" }, "params"],
  ["no offset", { offset: undefined }, "offset"],
  ["a malformed offset", { offset: "12" }, "offset"],
  ["an offset without a handle", { offset: "0_0" }, "handle"],
  ["live from the beginning", { live: "true" }, "live"],
  ["an event stream that is not live", { live_sse: "true" }, "live_sse"],
  ["some of the columns", { columns: "scope,kind,id" }, "columns"],
  ["another log", { log: "changes_only" }, "log"],
  ["a subset", { subset__limit: "5" }, "subset__limit"],
];

test.each(BAD_REQUESTS)("a request with %s gets 400 naming the parameter", async (_, query, parameter) => {
  await using hub = await startTestHub();
  const response = await ask(hub, await hub.site(), { query });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ message: "Invalid request", errors: { [parameter]: [expect.any(String)] } });
});

test("a site reads its own scope and its tenant's, by parameter or as a literal, and no other", async () => {
  await using hub = await startTestHub();
  const [site, other] = [await hub.site(), await hub.site()];
  const elsewhere = await hub.hub.authority.createTenant({ actor: "operator:test", name: "elsewhere" });
  const statusOf = async (scope: string) => {
    const parameter = await ask(hub, site, { query: { "params[1]": scope } });
    const literal = await ask(hub, site, { query: { where: `scope = '${scope}'`, "params[1]": undefined } });
    expect(literal.status).toBe(parameter.status);
    return literal.status;
  };
  expect(await statusOf(siteScope(site.id))).toBe(200);
  expect(await statusOf(tenantScope(site.tenant))).toBe(200);
  expect(await statusOf(siteScope(other.id))).toBe(403);
  expect(await statusOf(tenantScope(elsewhere.id))).toBe(403);
  expect(await statusOf(tenantScope(randomUUID()))).toBe(403);
});

test("nobody reads a shape without a site's token", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const statusWith = async (authorization: string) => {
    const { status, headers } = await ask(hub, site, { headers: { authorization } });
    expect(headers.get("cache-control")).toMatch(/^private/);
    return status;
  };
  expect(await statusWith("")).toBe(401);
  expect(await statusWith("Bearer hfs_unknown")).toBe(401);
  expect(await statusWith(`Basic ${site.token}`)).toBe(401);
  expect(await statusWith(`Bearer ${hub.operator}`)).toBe(403);
});

test("a site of a version that is not served gets 426 and the reason", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  for (const version of ["99", "0", "-1", "one", ""]) {
    const response = await ask(hub, site, { headers: { [PROTOCOL_HEADER]: version, [CAPABILITIES_HEADER]: "" } });
    expect(response.status).toBe(426);
    expect(await response.json()).toMatchObject({ code: "FailedPrecondition", message: expect.any(String) });
  }
});

test("a shape is only read", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  for (const method of ["HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
    const response = await ask(hub, site, { method });
    expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, "GET"]);
    const stranger = await ask(hub, site, { method, headers: { authorization: "" } });
    expect([method, stranger.status]).toEqual([method, 401]);
  }
});

test("a long poll ends with up-to-date when nothing happens", async () => {
  await using hub = await startTestHub({ pollSeconds: 1 });
  const site = await hub.site();
  const position = positionOf(await ask(hub, site));
  const response = await ask(hub, site, { query: { ...position, live: "true", cursor: "123" } });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual([{ headers: expect.objectContaining({ control: "up-to-date" }) }]);
  expect(positionOf(response)).toEqual(position);
  expect(Number(response.headers.get("electric-cursor"))).toBeGreaterThan(123);
});

test("a silent stream shows that it is alive, says no up-to-date by itself, and ends when its time is up", async () => {
  await using hub = await startTestHub({ streamSeconds: 3, keepAliveSeconds: 1 });
  const site = await hub.site();
  const position = positionOf(await ask(hub, site));
  const response = await ask(hub, site, { query: { ...position, live: "true", live_sse: "true" } });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(await response.text()).toMatch(/^(: keep-alive\n\n){2}$/);
});

test("a stream says of itself that it begins where it was asked to, for it may break off before its first row", async () => {
  await using hub = await startTestHub({ streamSeconds: 1 });
  const site = await hub.site();
  const position = positionOf(await ask(hub, site));
  await append(hub, site, 1);
  const response = await ask(hub, site, { query: { ...position, live: "true", live_sse: "true" } });
  expect(positionOf(response)).toEqual(position);
  expect(await response.text()).toContain("row-0");
});

test("held requests end cleanly when the hub closes", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const position = positionOf(await ask(hub, site));
  const poll = ask(hub, site, { query: { ...position, live: "true" } });
  const stream = await ask(hub, site, { query: { ...position, live: "true", live_sse: "true" } });
  const text = stream.text();
  await until("both wait", async () => (await statusOf(hub, site)).openRequests === 2);
  const closed = hub.stop();
  expect((await poll).status).toBe(200);
  expect(await text).toBe("");
  await closed;
});

test("a site that holds too many requests loses the oldest", async () => {
  await using hub = await startTestHub({ requestsPerSite: 3 });
  const site = await hub.site();
  const position = positionOf(await ask(hub, site));
  const held = [];
  for (let count = 1; count <= 4; count += 1) {
    held.push(ask(hub, site, { query: { ...position, live: "true" } }));
    await until("it waits", async () => (await statusOf(hub, site)).openRequests === Math.min(count, 3));
    if (count === 1) await until("the first waits alone", async () => (await statusOf(hub, site)).openRequests === 1);
  }
  expect((await held[0])?.status).toBe(200);
  await append(hub, site, 1);
  for (const response of await Promise.all(held.slice(1))) expect(await response.json()).toHaveLength(2);
});

test("a follower that went away is no longer waited for", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const position = positionOf(await ask(hub, site));
  for (const live_sse of ["false", "true"]) {
    const gone = new AbortController();
    const asked = ask(hub, site, { query: { ...position, live: "true", live_sse }, signal: gone.signal });
    await until("it waits", async () => (await statusOf(hub, site)).openRequests === 1);
    gone.abort();
    await asked.catch(() => undefined);
    await until("it is forgotten", async () => (await statusOf(hub, site)).openRequests === 0);
  }
});

test("a follower that does not read is cut off before the hub holds the whole feed for it", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const position = positionOf(await ask(hub, site));
  const { slow } = unread(hub, site, { live: "true", live_sse: "true", ...position });
  await until("it waits", async () => (await statusOf(hub, site)).openRequests === 1);
  for (let count = 0; count < 40 && (await statusOf(hub, site)).openRequests === 1; count += 1) {
    await append(hub, site, 5, { padding: "x".repeat(200_000), count });
  }
  await until("it is cut off", async () => (await statusOf(hub, site)).openRequests === 0);
  slow.destroy();
});

test("followers that read nothing of what they catch up with are counted, and the oldest are cut off", async () => {
  await using hub = await startTestHub({ requestsPerSite: 3 });
  const site = await hub.site();
  const { handle } = positionOf(await ask(hub, site));
  for (let count = 0; count < 10; count += 1) {
    await hub.hub.store.write((transaction) =>
      transaction.appendFeed(siteScope(site.id), "thing", `large-${count}`, { padding: "x".repeat(900_000) }),
    );
  }
  const query = { live: "true", live_sse: "true", handle, offset: "0_0" };
  const followers = Array.from({ length: 12 }, () => unread(hub, site, query));
  const connections = () => new Promise<number>((resolve) => hub.hub.app.server.getConnections((_, n) => resolve(n)));
  await until("all have begun", () => followers.every(({ slow }) => slow.bytesRead > 0));
  await until(
    "three are held",
    async () => (await statusOf(hub, site)).openRequests === 3 && (await connections()) < 8,
  );
  await hub.stop();
  for (const { slow } of followers) slow.destroy();
});

test("a stream ends when its site is gone, and tells it nothing that came after", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const scope = { where: `scope = '${tenantScope(site.tenant)}'` };
  const position = positionOf(await ask(hub, site, { query: { ...scope, offset: "now" } }));
  const stream = await ask(hub, site, { query: { ...scope, ...position, live: "true", live_sse: "true" } });
  expect((await hub.ask("DELETE", `/v1/projects/default/sites/${site.id}`)).status).toBe(200);
  await hub.ask("POST", "/v1/projects/default/regions", { name: "not-for-them" });
  expect(await stream.text()).not.toContain("not-for-them");
});

/** A request whose answer is never read, as far as a socket lets one not read. */
function unread(hub: TestHub, site: TestSite, query: Ask["query"]) {
  const url = new URL(`${hub.url}/v1/shape`);
  const asked = { table: "feed", where: `scope = '${siteScope(site.id)}'`, offset: "-1", ...query };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, String(value));
  const headers = Object.entries({ host: url.host, ...site.headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const slow = connect(Number(url.port), url.hostname);
  slow.on("error", () => undefined);
  slow.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${headers.join("")}\r\n`);
  return { slow };
}

async function statusOf(hub: TestHub, site: TestSite) {
  return (await hub.ask("GET", `/v1/projects/default/sites/${site.id}/status`)).body;
}
