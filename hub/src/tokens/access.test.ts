import { type AccessBody, siteScope, tenantScope } from "@holdfast/protocol";
import { hashSecret, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { administer } from "../administer.ts";
import { startTestHub, type TestHub, until } from "../hub-harness.ts";
import type { Origin } from "../uplink/origin.ts";
import { recoverAccess } from "./access.ts";
import { OFFLINE_SECONDS } from "./tables.ts";

const DAY = 86_400;

/** What the feed of a tenant says of who may come in, by the id of the token. */
async function accessOf(hub: TestHub, project = "default"): Promise<Record<string, AccessBody>> {
  return hub.hub.store.read(async (view) => {
    const tenant = await view.tenant(project);
    const { rows } = await view.feed(tenantScope(tenant?.id ?? ""), 0, 1_000);
    const standing = rows.filter(({ kind, body }) => kind === "access" && body !== null);
    return Object.fromEntries(standing.map(({ id, body }) => [id, JSON.parse(body ?? "")]));
  });
}

const namesIn = async (hub: TestHub, project?: string) =>
  Object.values(await accessOf(hub, project))
    .map(({ name }) => name)
    .sort();

async function makeTenant({ hub }: TestHub, name: string) {
  const tenant = await hub.authority.createTenant({ actor: "operator:test", name });
  await hub.tenants.idle();
  return tenant;
}

test("every site of a tenant is told by what an operator is known, and for how long without the hub", async () => {
  await using hub = await startTestHub();
  const [first] = Object.values(await accessOf(hub));
  const opens = { name: "first", role: "write", tokenHash: hashSecret(hub.operator), notAfter: null };
  expect(first).toEqual({ tenant: expect.any(String), ...opens, offlineSeconds: OFFLINE_SECONDS });
  const asked = { name: "bob", role: "read", tenants: "all", validSeconds: 60, offlineSeconds: 7 * DAY } as const;
  const { id, token, notAfter } = await hub.hub.tokens.createOperator(asked);
  expect((await accessOf(hub))[id]).toMatchObject({ role: "read", tokenHash: hashSecret(token), notAfter });
  expect((await accessOf(hub))[id]?.offlineSeconds).toBe(7 * DAY);
});

test("a token is shown in the tenants that it opens, in those made later too when it opens all", async () => {
  await using hub = await startTestHub();
  const south = await makeTenant(hub, "south");
  await hub.hub.tokens.createOperator({ name: "bob", role: "write", tenants: [south.id] });
  await makeTenant(hub, "west");
  expect(await namesIn(hub)).toEqual(["first"]);
  expect(await namesIn(hub, "south")).toEqual(["bob", "first"]);
  expect(await namesIn(hub, "west")).toEqual(["first"]);
});

test("sites are told of a program under a name that is no operator's, also after the hub has lost it", async () => {
  await using hub = await startTestHub();
  const { id: tenant } = await makeTenant(hub, "south");
  const asked = { name: "first", roles: ["im-rw"], tenants: [tenant], by: { actor: "operator:eve" } };
  await hub.hub.tokens.createService(asked);
  expect(await namesIn(hub, "south")).toEqual(["first", "service:first"]);
  const lost = lostToken(tenant, { name: "service:bob" });
  await giveBack(hub, LOST.id, lost);
  await giveBack(hub, LOST.id, lost, "site-0000000b");
  await run(hub, "token confirm", LOST.id);
  expect((await accessOf(hub, "south"))[LOST.id]).toEqual(lost);
  expect((await hub.ask("POST", "/v1/projects/south/regions", { name: "north" }, LOST.token)).status).toBe(200);
  const changes = await hub.hub.store.read((view) => view.changes(tenant, 0, 100));
  expect(changes.find(({ kind }) => kind === "region")?.actor).toBe("service:bob");
});

test("the audit log tells of the tokens that go with their project, and of those that open one project less", async () => {
  await using hub = await startTestHub();
  const [south, west] = [await makeTenant(hub, "south"), await makeTenant(hub, "west")];
  const { tokens } = hub.hub;
  const bob = await tokens.createOperator({ name: "bob", role: "write", tenants: [south.id] });
  const eve = await tokens.createOperator({ name: "eve", role: "read", tenants: [south.id, west.id] });
  await hub.ask("DELETE", "/v1/projects/south");
  await until("the project is gone", async () => (await hub.ask("GET", "/v1/projects/south")).status === 404);
  await hub.hub.tenants.idle();
  const changes = await hub.hub.store.read((view) => view.changes(south.id, 0, 100));
  const told = changes.filter(({ kind, operation }) => kind === "token" && operation !== "create");
  expect(told.map(({ id, actor, operation, before, after }) => [id, actor, operation, before, after])).toEqual([
    [bob.id, "hub", "delete", expect.objectContaining({ name: "bob", role: "write", tenants: [south.id] }), null],
    [eve.id, "hub", "update", { tenants: [south.id] }, { tenants: [] }],
  ]);
});

test("a revoked token leaves the feeds at once, an expired one soon", async () => {
  let ahead = 0;
  await using hub = await startTestHub({ clock: { ...systemClock, now: () => systemClock.now() + ahead } });
  const bob = await hub.hub.tokens.createOperator({ name: "bob", role: "write", tenants: "all" });
  await hub.hub.tokens.createOperator({ name: "eve", role: "write", tenants: "all", validSeconds: 60 });
  await hub.hub.tokens.revoke(bob.id);
  expect(await namesIn(hub)).toEqual(["eve", "first"]);
  ahead = 61_000;
  expect(await hub.hub.tokens.publishAccess()).toBe(1);
  expect(await namesIn(hub)).toEqual(["first"]);
  expect(await hub.hub.tokens.publishAccess()).toBe(0);
});

test("tokens that are older than the feed of them are shown once the hub starts", async () => {
  await using hub = await startTestHub();
  const tenant = (await hub.hub.store.read((view) => view.tenant("default")))?.id ?? "";
  const shown = Object.keys(await accessOf(hub));
  await hub.hub.store.write(async (tx) => {
    for (const id of shown) await tx.appendFeed(tenantScope(tenant), "access", id, null);
    await tx.tables<{ token: { shown: string } }>().updateTable("token").set({ shown: "[]" }).execute();
  });
  expect(await namesIn(hub)).toEqual([]);
  await hub.restart();
  await until("the first token is shown", async () => (await namesIn(hub)).length === 1);
});

test("a site that waits is told soon of a token that a command beside the hub revokes", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const run = (name: string, ...options: string[]) =>
    administer(name, { arguments: ["--home", hub.home, ...options], environment: {} }).then((text) => text.split("\n"));
  const [id = ""] = await run("token create", "--name", "bob", "--offline-days", "3");
  expect((await accessOf(hub))[id]).toMatchObject({ name: "bob", offlineSeconds: 3 * DAY });
  const ask = (query: string) => fetch(`${hub.url}/v1/shape?table=feed&${query}`, { headers: site.headers });
  const where = `where=${encodeURIComponent(`scope='tenant:${site.tenant}'`)}`;
  const snapshot = await ask(`${where}&offset=-1`);
  const [handle, offset] = ["electric-handle", "electric-offset"].map((name) => snapshot.headers.get(name) ?? "");
  const live = ask(`${where}&live=true&handle=${handle}&offset=${offset}`);
  await until("the site waits", async () => {
    const { body } = await hub.ask("GET", `/v1/projects/default/sites/${site.id}/status`);
    return body.openRequests === 1;
  });
  await run("token revoke", "--id", id);
  expect(JSON.stringify(await (await live).json())).toContain(id);
  expect(await run("token list")).toContainEqual(expect.stringMatching(/bob.*revoked.*offline 3 days/));
});

test("a project that a command makes beside the hub knows its operators at once", async () => {
  await using hub = await startTestHub();
  await administer("project create", { arguments: ["--home", hub.home, "--name", "south"], environment: {} });
  expect(await namesIn(hub, "south")).toEqual(["first"]);
});

test("a site's token that a command revokes ends the requests that it opened, though nothing else happens", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const { tokens } = (await hub.ask("GET", `/v1/projects/default/sites/${site.id}/tokens`)).body;
  const ended: string[] = [];
  hub.hub.tokens.onRevoke((id) => ended.push(id));
  await hub.hub.tokens.noticeRevoked();
  await administer("token revoke", { arguments: ["--home", hub.home, "--id", tokens[0].id], environment: {} });
  await until("the hub has noticed", () => ended.includes(tokens[0].id));
});

/** A row of the feed as a site holds it, given back to a hub that knows nothing of it (rule 20). */
async function giveBack(hub: TestHub, id: string, body: AccessBody, site = "site-0000000a", now = systemClock.now()) {
  const origin: Origin = { site, tenant: body.tenant, stream: { epoch: "e", incarnation: 1 }, now };
  await hub.hub.store.write((tx) => recoverAccess(tx, { id, body, origin }));
}

const LOST = { id: "token-00000000000000aa", token: `hfo_${"x".repeat(43)}` };

function lostToken(tenant: string | undefined, more: Partial<AccessBody> = {}): AccessBody {
  const opens = { tenant: tenant ?? "", name: "bob", role: "write", tokenHash: hashSecret(LOST.token) } as const;
  return { ...opens, notAfter: null, offlineSeconds: DAY, ...more };
}

const run = (hub: TestHub, name: string, ...options: string[]) =>
  administer(name, { arguments: ["--home", hub.home, ...options], environment: {} });

test("a token that a site gives back opens nothing at the hub and at no other site until an operator confirms it (rule 20)", async () => {
  await using hub = await startTestHub();
  const tenants = [await makeTenant(hub, "south"), await makeTenant(hub, "west")];
  await giveBack(hub, LOST.id, lostToken(tenants[0]?.id));
  await giveBack(hub, LOST.id, lostToken(tenants[0]?.id));
  const asked = async (project: string) => hub.ask("GET", `/v1/projects/${project}/sites`, undefined, LOST.token);
  const opened = async (project: string) => (await asked(project)).status;
  const refusal = { status: 401, body: { message: expect.stringContaining(`token confirm ${LOST.id}`) } };
  expect(await asked("south")).toMatchObject(refusal);
  expect(await namesIn(hub, "south")).toEqual(["first"]);
  // The site that holds it goes on taking it.
  const ofSite = async (site: string) => {
    const { rows } = await hub.hub.store.read((view) => view.feed(siteScope(site), 0, 1_000));
    return rows.filter(({ kind, body }) => kind === "access" && body !== null).map(({ id }) => id);
  };
  expect(await ofSite("site-0000000a")).toEqual([LOST.id]);
  expect(await run(hub, "token list")).toMatch(/bob.*given back by site-0000000a.*waits for confirmation/);

  await expect(run(hub, "token confirm")).rejects.toThrow(/ID or --all/);
  await expect(run(hub, "token confirm", "token-00000000000000ff")).rejects.toThrow(/waits for confirmation/);
  expect(await run(hub, "token confirm", LOST.id)).toMatch(/write bob confirmed, given back by site-0000000a/);
  expect(await run(hub, "token list")).not.toContain("waits for confirmation");
  expect([await opened("south"), await opened("west"), await opened("default")]).toEqual([200, 404, 404]);
  expect(await namesIn(hub, "south")).toEqual(["bob", "first"]);

  // Of another project another site says so, and that is confirmed by itself.
  await giveBack(hub, LOST.id, lostToken(tenants[1]?.id), "site-0000000b");
  expect([await opened("south"), await opened("west")]).toEqual([200, 404]);
  expect(await run(hub, "token confirm", "--all")).toContain("given back by site-0000000b");
  expect([await opened("south"), await opened("west"), await opened("default")]).toEqual([200, 200, 404]);
  expect(await hub.hub.tokens.list()).toContainEqual(
    expect.objectContaining({ id: LOST.id, recovered_from: "site-0000000a" }),
  );
  await run(hub, "token revoke", "--id", LOST.id);
  expect([...(await ofSite("site-0000000a")), ...(await ofSite("site-0000000b"))]).toEqual([]);
  expect(await run(hub, "token confirm", "--all")).toContain("No token waits");
});

test("a token that waits for confirmation and was revoked waits no more, and opens nothing anywhere", async () => {
  await using hub = await startTestHub();
  const { id: tenant } = await makeTenant(hub, "south");
  await giveBack(hub, LOST.id, lostToken(tenant));
  await run(hub, "token revoke", "--id", LOST.id);
  expect(await run(hub, "token confirm", "--all")).toContain("No token waits");
  await giveBack(hub, LOST.id, lostToken(tenant), "site-0000000b");
  expect((await hub.ask("GET", "/v1/projects/south/sites", undefined, LOST.token)).status).toBe(401);
  const { rows } = await hub.hub.store.read((view) => view.feed(siteScope("site-0000000b"), 0, 1_000));
  expect(rows.filter(({ body }) => body !== null)).toEqual([]);
});

test.each<[string, Partial<AccessBody>]>([
  ["secret", { tokenHash: "b".repeat(64) }],
  ["role", { role: "read" }],
  ["name", { name: "eve" }],
  ["end", { notAfter: 1 }],
  ["time without the hub", { offlineSeconds: 1 }],
])("two sites that give a token back with another %s are not both believed", async (_, other) => {
  await using hub = await startTestHub();
  const { id: tenant } = await makeTenant(hub, "south");
  await giveBack(hub, LOST.id, lostToken(tenant));
  const second = giveBack(hub, LOST.id, lostToken(tenant, other), "site-0000000b");
  await expect(second).rejects.toThrow(/site-0000000a has given token-00000000000000aa back/);
  expect(await run(hub, "token confirm", LOST.id)).toContain("given back by site-0000000a");
});

test("a token that the hub knows stays as it is, whatever a site gives back", async () => {
  await using hub = await startTestHub();
  const tenant = (await hub.hub.store.read((view) => view.tenant("default")))?.id ?? "";
  const bob = await hub.hub.tokens.createOperator({ name: "bob", role: "read", tenants: [tenant] });
  const { [bob.id]: held } = await accessOf(hub);
  await hub.hub.tokens.revoke(bob.id);
  if (!held) throw new Error("the token was not shown");
  await giveBack(hub, bob.id, { ...held, role: "write" });
  expect(await namesIn(hub)).toEqual(["first"]);
  expect((await hub.ask("GET", "/v1/projects/default/sites", undefined, bob.token)).status).toBe(401);
});

test.each([
  ["an id", { id: "nonsense" }, /id of a token/],
  ["a hash", { body: { tokenHash: "x" } }, /tokenHash/],
  ["a name", { body: { name: "a b" } }, /name/],
  ["a name of a program", { body: { name: "service:service:a" } }, /name/],
  ["an end", { body: { notAfter: Number.MAX_SAFE_INTEGER } }, /notAfter/],
  ["a time without the hub", { body: { offlineSeconds: -1 } }, /offlineSeconds/],
])("a row with %s that no token can have is refused", async (_, wrong: { id?: string; body?: object }, message) => {
  await using hub = await startTestHub();
  const tenant = (await hub.hub.store.read((view) => view.tenant("default")))?.id ?? "";
  const hash = "a".repeat(64);
  const body = { tenant, name: "bob", role: "write", tokenHash: hash, notAfter: null, offlineSeconds: DAY } as const;
  const given = giveBack(hub, wrong.id ?? "token-00000000000000aa", { ...body, ...wrong.body });
  await expect(given).rejects.toThrow(message);
});
