import { tenantScope } from "@holdfast/protocol";
import { hashSecret, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { administer } from "../administer.ts";
import { startTestHub, type TestHub } from "../hub-harness.ts";

const PATH = "/v1/projects/default/service-tokens";
const REGIONS = "/v1/projects/default/regions";
const DAY = 86_400_000;

const run = (hub: TestHub, name: string, ...options: string[]) =>
  administer(name, { arguments: ["--home", hub.home, ...options], environment: {} });

async function make(hub: TestHub, body: object, token?: string) {
  return hub.ask("POST", PATH, body, token);
}

test("a service token is made for a project, shown once, listed without its secret, and revoked at once", async () => {
  await using hub = await startTestHub();
  await run(hub, "project create", "--name", "south");
  const { status, body, headers } = await make(hub, { name: "reports", roles: ["im-r", "auditor"] });
  expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
  expect(body.token).toMatch(/^hfo_/);
  const { token, ...shown } = body;
  expect(shown).toMatchObject({ name: "reports", roles: ["im-r", "auditor"], fields: [], createdBy: "operator:first" });
  expect(Date.parse(shown.notAfter) - Date.parse(shown.createdAt)).toBe(90 * DAY);
  expect((await hub.ask("GET", PATH)).body).toEqual({ serviceTokens: [shown] });
  expect((await hub.ask("GET", PATH.replace("default", "south"))).body).toEqual({ serviceTokens: [] });
  const status_ = async (method: string, path: string) =>
    (await hub.ask(method, path, method === "POST" ? { name: "north" } : undefined, token)).status;
  expect(await status_("GET", REGIONS)).toBe(200);
  expect(await status_("POST", REGIONS)).toBe(403);
  expect(await status_("GET", REGIONS.replace("default", "south"))).toBe(404);
  expect(await status_("GET", PATH)).toBe(403);
  expect((await hub.ask("DELETE", `${PATH.replace("default", "south")}/${shown.id}`)).status).toBe(404);
  expect((await hub.ask("DELETE", `${PATH}/${shown.id}`)).body).toEqual({});
  expect(await status_("GET", REGIONS)).toBe(401);
  expect((await hub.ask("DELETE", `${PATH}/${shown.id}`)).status).toBe(404);
  expect((await hub.ask("GET", PATH)).body).toEqual({ serviceTokens: [] });
  const tenant = await hub.hub.store.read((view) => view.tenant("default"));
  const changes = await hub.hub.store.read((view) => view.changes(tenant?.id ?? "", 0, 100));
  const told = changes.filter(({ kind }) => kind === "token");
  expect(told).toMatchObject([
    { operation: "create", id: shown.id, actor: "operator:first", address: "127.0.0.1" },
    {
      operation: "delete",
      id: shown.id,
      actor: "operator:first",
      before: { name: "reports", roles: ["im-r", "auditor"] },
    },
  ]);
  expect(JSON.stringify(told)).not.toMatch(new RegExp(`${token}|${hashSecret(token)}`));
});

test("what a program does is in the history as a program's, whatever it is called", async () => {
  await using hub = await startTestHub();
  const { token, id } = (await make(hub, { name: "first", roles: ["im-rw"] })).body;
  expect((await hub.ask("POST", REGIONS, { name: "north" }, token)).status).toBe(200);
  expect((await hub.ask("POST", REGIONS, { name: "south" })).status).toBe(200);
  const found = async (actor: string) => {
    const { body } = await hub.ask("GET", `/v1/projects/default/audit?kind=region&actor=${actor}`);
    return body.entries.map(({ tokenId, after }: { tokenId: string; after: { name: string } }) => [
      tokenId,
      after.name,
    ]);
  };
  expect(await found("service:first")).toEqual([[id, "north"]]);
  expect(await found("operator:first")).toEqual([[expect.any(String), "south"]]);
  const { body } = await make(hub, { name: "next", roles: ["im-r"] }, token);
  expect(body.createdBy).toBe("service:first");
});

test("a service token ends by itself", async () => {
  let ahead = 0;
  await using hub = await startTestHub({ clock: { ...systemClock, now: () => systemClock.now() + ahead } });
  const { token } = (await make(hub, { name: "brief", roles: ["im-r"], validSeconds: 60 })).body;
  expect((await hub.ask("GET", REGIONS, undefined, token)).status).toBe(200);
  ahead = 60_000;
  expect((await hub.ask("GET", REGIONS, undefined, token)).status).toBe(401);
  expect((await hub.ask("GET", PATH)).body).toEqual({ serviceTokens: [] });
});

test("who may write gives out what they may do, and nobody gives out more", async () => {
  await using hub = await startTestHub();
  const tenants = (await hub.hub.store.read((view) => view.tenants())).map(({ id }) => id);
  const writer = (await hub.hub.tokens.createOperator({ name: "w", role: "write", tenants })).token;
  const reader = (await hub.hub.tokens.createOperator({ name: "r", role: "read", tenants })).token;
  const stranger = (await hub.hub.tokens.createOperator({ name: "s", role: "write", tenants: [] })).token;
  const status = async (roles: string[], token: string) => (await make(hub, { name: "x", roles }, token)).status;
  for (const role of ["im-r", "im-rw", "oob-power", "oob-console"])
    expect([role, await status([role], writer)]).toEqual([role, 200]);
  for (const role of ["auditor", "manager"]) expect([role, await status([role], writer)]).toEqual([role, 403]);
  expect(await status(["im-r", "auditor"], writer)).toBe(403);
  expect(await status(["im-r"], reader)).toBe(403);
  expect(await status(["im-r"], stranger)).toBe(404);
  expect((await hub.ask("GET", PATH, undefined, reader)).status).toBe(403);
});

test("what makes no service token is refused, naming what is wrong", async () => {
  await using hub = await startTestHub();
  const cases: [body: object, named: string][] = [
    [{ roles: ["im-r"] }, "name"],
    [{ name: "a b", roles: ["im-r"] }, "name"],
    [{ name: "x" }, "roles"],
    [{ name: "x", roles: [] }, "roles"],
    [{ name: "x", roles: ["hub-admin"] }, "roles"],
    [{ name: "x", roles: ["im-r"], validSeconds: 1 }, "validSeconds"],
    [{ name: "x", roles: ["im-r"], tenants: "all" }, "tenants"],
    [{ name: "x", roles: ["im-r"], fields: ["host.amtStatus"] }, "fields"],
    [{ name: "x", roles: ["manager"] }, "fields"],
    [{ name: "x", roles: ["manager"], fields: [] }, "fields"],
    [{ name: "x", roles: ["manager"], fields: ["amtStatus"] }, "fields"],
    [{ name: "x", roles: ["manager"], fields: ["host.name"] }, "fields"],
    [{ name: "x", roles: ["manager"], fields: ["host.hostNics"] }, "fields"],
    [{ name: "x", roles: ["manager"], fields: ["host.__proto__"] }, "fields"],
    [{ name: "x", roles: ["manager", "im-r"], fields: ["host.amtStatus"] }, "roles"],
  ];
  for (const [body, named] of cases) {
    const answer = await make(hub, body);
    expect([body, answer.status, answer.body.code]).toEqual([body, 400, "InvalidArgument"]);
    expect(answer.body.message).toContain(named);
  }
  expect((await hub.ask("GET", PATH)).body).toEqual({ serviceTokens: [] });
});

test("a command makes tokens with such roles, in one project or in all", async () => {
  await using hub = await startTestHub();
  const [, power = ""] = (await run(hub, "token create", "--name", "p", "--role", "oob-power,auditor")).split("\n");
  const [, admin = ""] = (await run(hub, "token create", "--name", "a", "--role", "hub-admin")).split("\n");
  expect((await hub.ask("GET", REGIONS, undefined, power)).status).toBe(200);
  expect((await hub.ask("POST", REGIONS, { name: "n" }, power)).status).toBe(403);
  expect((await make(hub, { name: "x", roles: ["manager"], fields: ["host.amtStatus"] }, admin)).status).toBe(200);
  const managing = ["--role", "manager", "--fields", "host.powerStatus, instance.updateStatus"];
  await run(hub, "token create", "--name", "m", ...managing);
  const listed = await run(hub, "token list");
  expect(listed).toMatch(/\toob-power,auditor\tp\t/);
  expect(listed).toMatch(/\tmanager host.powerStatus instance.updateStatus\tm\t/);
  await expect(run(hub, "token create", "--name", "x", "--role", "admin")).rejects.toThrow(/cannot have "admin"/);
  await expect(run(hub, "token create", "--name", "x", "--role", "read,write")).rejects.toThrow(/cannot have "read"/);
});

test("a site is told what a token may do, and goes by reading where it does not know a role; of managers it is told nothing", async () => {
  await using hub = await startTestHub();
  await make(hub, { name: "power", roles: ["oob-power"] });
  await make(hub, { name: "both", roles: ["im-rw", "auditor"] });
  await make(hub, { name: "manager", roles: ["manager"], fields: ["host.amtStatus"] });
  await run(hub, "token create", "--name", "admin", "--role", "hub-admin");
  await run(hub, "token create", "--name", "mixed", "--role", "hub-admin,im-r");
  const rows = await hub.hub.store.read(async (view) => {
    const tenant = await view.tenant("default");
    return (await view.feed(tenantScope(tenant?.id ?? ""), 0, 1_000)).rows;
  });
  const access = rows.filter(({ kind }) => kind === "access").map(({ body }) => JSON.parse(body ?? ""));
  const told = access.map(({ name, role, roles }) => [name, role, roles ?? null]);
  expect(told).toEqual([
    ["first", "write", null],
    ["service:power", "read", ["oob-power"]],
    ["service:both", "write", ["im-rw", "auditor"]],
    ["service:mixed", "read", ["im-r"]],
  ]);
});

test("a role that there is not is refused, naming its place and those that there are", async () => {
  await using hub = await startTestHub();
  const { status, body } = await make(hub, { name: "reports", roles: ["im-r", "root"] });
  expect([status, body.code]).toEqual([400, "InvalidArgument"]);
  expect(body.message).toMatch(/^roles\[1\]: must be one of im-r, im-rw, /);
});
