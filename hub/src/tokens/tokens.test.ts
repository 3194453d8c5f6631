import { type EnrolmentBody, siteScope } from "@holdfast/protocol";
import { type Clock, hashSecret, hours, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { administer, splitCommand } from "../administer.ts";
import { Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";

const SITES = "/v1/projects/default/sites";

/** A clock that a test sets forward. */
function movableClock(): Clock & { forward(milliseconds: number): void } {
  let ahead = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + ahead,
    forward(milliseconds) {
      ahead += milliseconds;
    },
  };
}

async function enrolmentsOf(hub: TestHub, site: TestSite): Promise<EnrolmentBody[]> {
  const { rows } = await hub.hub.store.read((view) => view.feed(siteScope(site.id), 0, 100));
  return rows.filter((row) => row.kind === "enrolment" && row.body !== null).map((row) => JSON.parse(row.body ?? ""));
}

test("only hashes of tokens are kept", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const kept = JSON.stringify(await hub.hub.tokens.list());
  for (const token of [hub.operator, site.token]) {
    expect(kept).toContain(hashSecret(token));
    expect(kept).not.toContain(token);
  }
});

test("a site's older token stays good beside a new one, until it is revoked", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const { body } = await hub.ask("POST", `${SITES}/${site.id}/tokens`, { name: "second" });
  const statusOf = async (token: string) => (await hub.ask("GET", "/v1/sites/self", undefined, token)).status;
  expect([await statusOf(site.token), await statusOf(body.token)]).toEqual([200, 200]);
  const { tokens } = (await hub.ask("GET", `${SITES}/${site.id}/tokens`)).body;
  expect(tokens.map(({ name }: { name: string }) => name)).toEqual([site.id, "second"]);
  expect((await hub.ask("DELETE", `${SITES}/${site.id}/tokens/${tokens[0].id}`)).status).toBe(200);
  expect([await statusOf(site.token), await statusOf(body.token)]).toEqual([401, 200]);
  expect((await hub.ask("DELETE", `${SITES}/${site.id}/tokens/${tokens[0].id}`)).status).toBe(404);
});

test("a token of another site cannot be revoked through a site", async () => {
  await using hub = await startTestHub();
  const [site, other] = [await hub.site(), await hub.site()];
  const { tokens } = (await hub.ask("GET", `${SITES}/${other.id}/tokens`)).body;
  expect((await hub.ask("DELETE", `${SITES}/${site.id}/tokens/${tokens[0].id}`)).status).toBe(404);
  expect((await hub.ask("GET", "/v1/sites/self", undefined, other.token)).status).toBe(200);
});

test("a token opens nothing after its end, and nothing once its site is gone", async () => {
  const clock = movableClock();
  await using hub = await startTestHub({ clock });
  const site = await hub.site();
  const { body } = await hub.ask("POST", `${SITES}/${site.id}/tokens`, { validSeconds: 60 });
  const statusOf = async (token: string) => (await hub.ask("GET", "/v1/sites/self", undefined, token)).status;
  expect(await statusOf(body.token)).toBe(200);
  clock.forward(60_000);
  expect([await statusOf(body.token), await statusOf(site.token)]).toEqual([401, 200]);
  expect((await hub.ask("DELETE", `${SITES}/${site.id}`)).status).toBeLessThan(300);
  expect(await statusOf(site.token)).toBe(401);
});

test("an operator's token opens the projects that it names, to read or to write", async () => {
  await using hub = await startTestHub();
  const { id } = await hub.site();
  const [tenant] = await hub.hub.store.read((view) => view.tenants());
  const other = await hub.hub.authority.createTenant({ actor: "operator:test", name: "elsewhere" });
  const create = async (role: "read" | "write", tenants: string[]) =>
    (await hub.hub.tokens.createOperator({ name: "someone", role, tenants })).token;
  const [reader, stranger] = [await create("read", [tenant?.id ?? ""]), await create("write", [other.id])];
  const statusOf = async (method: string, path: string, token: string) =>
    (await hub.ask(method, path, method === "POST" ? {} : undefined, token)).status;
  expect(await statusOf("GET", `${SITES}/${id}/status`, reader)).toBe(200);
  expect(await statusOf("POST", `${SITES}/${id}/tokens`, reader)).toBe(403);
  for (const path of ["status", "quarantine", "tokens"]) {
    expect([path, await statusOf("GET", `${SITES}/${id}/${path}`, stranger)]).toEqual([path, 404]);
  }
  expect(await statusOf("POST", `${SITES}/${id}/tokens`, stranger)).toBe(404);
  expect(await statusOf("POST", `${SITES}/${id}/enrolment-tokens`, stranger)).toBe(404);
});

test("a site's token opens nothing of operators'", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  for (const path of [SITES, `${SITES}/${site.id}/status`, `${SITES}/${site.id}/tokens`]) {
    expect((await hub.ask("GET", path, undefined, site.token)).status).toBe(403);
  }
});

test("an enrolment token stands in its site's feed as a hash, until it is used", async () => {
  await using hub = await startTestHub();
  const [site, other] = [await hub.site(), await hub.site()];
  const { status, body, headers } = await hub.ask("POST", `${SITES}/${site.id}/enrolment-tokens`, {});
  expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
  const notAfter = Date.parse(body.notAfter);
  expect(notAfter - systemClock.now()).toBeGreaterThan(hours(1) - 60_000);
  expect(await enrolmentsOf(hub, site)).toEqual([{ tenant: site.tenant, tokenHash: hashSecret(body.token), notAfter }]);
  const used = { type: "enrolment-used", id: body.id, hostId: "host-00000001", at: 1 };
  await new Sender(hub, other).send([used]);
  expect(await enrolmentsOf(hub, site)).toHaveLength(1);
  const sender = new Sender(hub, site);
  await sender.send([used]);
  expect(await enrolmentsOf(hub, site)).toEqual([]);
  expect((await sender.send([used])).body.outcomes).toEqual([]);
});

test("an expired enrolment token is taken out of the feed", async () => {
  const clock = movableClock();
  await using hub = await startTestHub({ clock });
  const site = await hub.site();
  await hub.ask("POST", `${SITES}/${site.id}/enrolment-tokens`, { validSeconds: 60 });
  await hub.ask("POST", `${SITES}/${site.id}/enrolment-tokens`, { validSeconds: 600 });
  clock.forward(61_000);
  await hub.restart();
  await expect.poll(() => enrolmentsOf(hub, site), { timeout: 5_000 }).toHaveLength(1);
});

test("an enrolment token for one host names a host of the site", async () => {
  await using hub = await startTestHub();
  const [site, other] = [await hub.site(), await hub.site()];
  const { body } = await hub.ask("POST", "/v1/projects/default/compute/hosts", { name: "one", siteId: site.id });
  const hostId = body.resourceId;
  const statusAt = async (at: TestSite, wanted: string) =>
    (await hub.ask("POST", `${SITES}/${at.id}/enrolment-tokens`, { hostId: wanted })).status;
  expect(await statusAt(site, hostId)).toBe(200);
  expect(await enrolmentsOf(hub, site)).toMatchObject([{ hostId }]);
  expect(await statusAt(other, hostId)).toBe(404);
  expect(await statusAt(site, "host-00000000")).toBe(404);
  expect(await statusAt(site, "nonsense")).toBe(400);
});

test("a request for a token is checked, and the refusal names the property", async () => {
  await using hub = await startTestHub();
  const { id } = await hub.site();
  const bad: [path: string, body: object, named: string][] = [
    ["enrolment-tokens", { validSeconds: 30 * 86_400 + 1 }, "validSeconds"],
    ["enrolment-tokens", { validSeconds: 0 }, "validSeconds"],
    ["enrolment-tokens", { validSeconds: "3600" }, "validSeconds"],
    ["enrolment-tokens", { hostID: "host-00000001" }, "hostID: is not known here"],
    ["tokens", { validSeconds: 1 }, "validSeconds"],
    ["tokens", { name: "x".repeat(65) }, "name"],
  ];
  for (const [path, body, named] of bad) {
    const answer = await hub.ask("POST", `${SITES}/${id}/${path}`, body);
    expect([answer.status, answer.body.code]).toEqual([400, "InvalidArgument"]);
    expect(answer.body.message).toContain(named);
  }
  expect((await hub.ask("POST", `${SITES}/site-00000000/tokens`, {})).status).toBe(404);
});

test("the commands work beside a hub that runs, and what they revoke is refused at once", async () => {
  await using hub = await startTestHub();
  const run = (name: string, ...options: string[]) =>
    administer(name, { arguments: ["--home", hub.home, ...options], environment: {} }).then((text) => text.split("\n"));
  expect(await run("project create", "--name", "south")).toEqual([expect.stringMatching(/^south /)]);
  expect(await run("project list")).toHaveLength(2);
  const [id = "", token = ""] = await run("token create", "--name", "alice", "--role", "read", "--projects", "south");
  const statusOf = async (project: string) =>
    (await hub.ask("GET", `/v1/projects/${project}/sites`, undefined, token)).status;
  expect([await statusOf("south"), await statusOf("default")]).toEqual([200, 404]);
  expect(await run("token list")).toContainEqual(expect.stringMatching(/read\talice\tsouth\t/));
  expect(await run("token list")).toContainEqual(expect.stringMatching(/first\tall projects\t/));
  await run("token revoke", id);
  expect(await statusOf("south")).toBe(401);
  await expect(run("token revoke", "--id", id)).rejects.toThrow(/no standing token/);
  await expect(run("token create", "--name", "bob", "--projects", "nowhere")).rejects.toThrow(/--projects/);
  await expect(run("token steal")).rejects.toThrow(/no command.*token list/);
  await expect(run("project create", "--name", "south")).rejects.toThrow(/--name: there is a project south already$/);
  expect((await run("token create", "--help")).join("\n")).toContain("--valid-days");
});

test("the words before the first option are the command, and none are run", () => {
  expect(splitCommand([])).toEqual({ command: "run", options: [] });
  expect(splitCommand(["--home", "x"])).toEqual({ command: "run", options: ["--home", "x"] });
  expect(splitCommand(["token", "list", "--home", "x"])).toEqual({ command: "token list", options: ["--home", "x"] });
});
