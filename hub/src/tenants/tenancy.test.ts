import { Host } from "@holdfast/protocol";
import { expect, test } from "vitest";
import type { TestHub } from "../hub-harness.ts";
import { Sender, startTestHub, until } from "../hub-harness.ts";

const IDLE = "STATUS_INDICATION_IDLE";

async function settled(hub: TestHub, project: string): Promise<void> {
  await until(`${project} is as it shall be`, async () => {
    const { body } = await hub.ask("GET", `/v1/projects/${project}`);
    return body.status?.projectStatus.statusIndicator === IDLE;
  });
}

test("a project is made, read, described and listed as EIM's clients do", async () => {
  await using hub = await startTestHub();
  const made = await hub.ask("PUT", "/v1/projects/acme", { description: "what acme has" });
  expect(made).toMatchObject({ status: 200, body: { name: "acme", orgName: "default" } });
  expect(made.headers.get("content-type")).toContain("json");
  await settled(hub, "acme");
  const { status, body } = await hub.ask("GET", "/v1/projects/acme");
  expect([status, body]).toEqual([
    200,
    {
      ...{ name: "acme", orgName: "default", spec: { description: "what acme has" } },
      status: {
        projectStatus: {
          message: "Project acme CREATE is complete",
          statusIndicator: IDLE,
          timeStamp: expect.any(Number),
          uID: expect.stringMatching(/^[0-9a-f-]{36}$/),
        },
      },
    },
  ]);
  expect((await hub.ask("GET", `/v1/projects/${body.status.projectStatus.uID}`)).body).toEqual(body);
  const again = await hub.ask("PUT", "/v1/projects/acme", { description: "more" });
  expect(again.body).toEqual({ ...body, spec: { description: "more" } });
  expect((await hub.ask("PUT", "/v1/projects/acme")).body.spec.description, "what is not said stays").toBe("more");
  expect((await hub.ask("GET", "/v1/projects")).body.map(({ name }: { name: string }) => name)).toEqual([
    "acme",
    "default",
  ]);
});

test("what cannot be a project is refused, naming what is wrong", async () => {
  await using hub = await startTestHub();
  const refusal = async (method: string, path: string, body?: unknown) => {
    const { status, body: said } = await hub.ask(method, path, body);
    return `${status} ${said.code} ${said.message}`;
  };
  const expected = "must be a name of at most 63 small letters, digits and dashes within";
  expect(await refusal("PUT", "/v1/projects/Acme_1", {})).toBe(`400 InvalidArgument project: ${expected}`);
  const uuid = "11111111-1111-4111-8111-111111111111";
  expect(await refusal("PUT", `/v1/projects/${uuid}`, {})).toMatch(/^400 InvalidArgument project: there is none/);
  expect(await refusal("PUT", "/v1/projects/a", { description: 1 })).toMatch(/^400 InvalidArgument description/);
  expect(await refusal("PUT", "/v1/projects/a?org=nowhere", {})).toBe("400 InvalidArgument org: there is no nowhere");
  expect(await refusal("GET", "/v1/projects/a")).toBe("404 NotFound project not found");
  expect(await refusal("DELETE", "/v1/projects/a")).toBe("404 NotFound project not found");
  const exists = "409 AlreadyExists project default already exists";
  expect(await refusal("PUT", "/v1/projects/default?update_if_exists=false", {})).toBe(exists);
  expect(await refusal("PUT", "/v1/projects/default?update_if_exists=no", {})).toMatch(/^400 .*must be true or false/);
});

test("organisations are made, read, described, listed and deleted, and those that have projects stay", async () => {
  await using hub = await startTestHub();
  const made = await hub.ask("PUT", "/v1/orgs/north", { description: "the north" });
  expect(made).toMatchObject({ status: 200, body: { name: "north", spec: { description: "the north" } } });
  expect(made.body.status.orgStatus).toMatchObject({ message: "Org north CREATE is complete", statusIndicator: IDLE });
  expect((await hub.ask("GET", "/v1/orgs/north")).body).toEqual(made.body);
  const { body: again } = await hub.ask("PUT", "/v1/orgs/north", { description: "more" });
  expect(again).toEqual({ ...made.body, spec: { description: "more" } });
  expect((await hub.ask("PUT", "/v1/orgs/north", {})).body, "what is not said stays").toEqual(again);
  expect((await hub.ask("PUT", "/v1/orgs/north")).body).toEqual(again);
  expect((await hub.ask("GET", "/v1/orgs")).body.map(({ name }: { name: string }) => name)).toEqual([
    "default",
    "north",
  ]);
  await hub.ask("PUT", "/v1/projects/acme?org=north", {});
  expect((await hub.ask("GET", "/v1/projects/acme")).body.orgName).toBe("north");
  const used = await hub.ask("DELETE", "/v1/orgs/north");
  expect(used).toMatchObject({ status: 400, body: { message: "org north still has projects: acme" } });
  expect((await hub.ask("DELETE", "/v1/orgs/default")).status).toBe(400);
  await hub.ask("PUT", "/v1/orgs/south", {});
  expect(await hub.ask("DELETE", "/v1/orgs/south")).toMatchObject({ status: 200 });
  expect(await hub.ask("GET", "/v1/orgs/south")).toMatchObject({ status: 404, body: { message: "org not found" } });
  expect((await hub.ask("DELETE", "/v1/orgs/south")).status).toBe(404);
});

test("a member sees their own projects and organisations in lists and alone, and may not deal with any", async () => {
  await using hub = await startTestHub();
  await hub.ask("PUT", "/v1/orgs/north", {});
  const { body } = await hub.ask("PUT", "/v1/projects/acme?org=north", {});
  const tenants = [body.status.projectStatus.uID];
  const { token } = await hub.hub.tokens.createOperator({ name: "member", role: "write", tenants });
  const ask = (method: string, path: string, sent?: unknown) => hub.ask(method, path, sent, token);
  const names = async (path: string) => (await ask("GET", path)).body.map(({ name }: { name: string }) => name);
  expect([await names("/v1/projects"), await names("/v1/orgs")]).toEqual([["acme"], ["north"]]);
  expect((await ask("GET", "/v1/projects/acme")).status).toBe(200);
  for (const project of ["default", "nobodys"]) {
    expect(await ask("GET", `/v1/projects/${project}`)).toMatchObject({ status: 404 });
    expect(await ask("DELETE", `/v1/projects/${project}`)).toMatchObject({ status: 404 });
    expect(await ask("PUT", `/v1/projects/${project}`, {})).toMatchObject({ status: 403 });
  }
  for (const [method, path] of [
    ["PUT", "/v1/projects/acme"],
    ["DELETE", "/v1/projects/acme"],
    ["PUT", "/v1/orgs/north"],
    ["PUT", "/v1/orgs/more"],
    ["DELETE", "/v1/orgs/north"],
  ] as const) {
    expect([method, path, await ask(method, path, {})]).toEqual([
      method,
      path,
      expect.objectContaining({ status: 403 }),
    ]);
  }
});

test("the audit log tells who made, changed and deleted projects and organisations, and from where", async () => {
  await using hub = await startTestHub();
  await hub.ask("PUT", "/v1/orgs/acme-inc", { description: "one" });
  await hub.ask("PUT", "/v1/orgs/acme-inc", { description: "two" });
  await hub.ask("PUT", "/v1/projects/acme", { description: "a" });
  await hub.ask("PUT", "/v1/projects/acme", { description: "b" });
  await hub.ask("DELETE", "/v1/projects/acme");
  await hub.ask("DELETE", "/v1/orgs/acme-inc");
  const { body } = await hub.ask("GET", "/v1/audit?order=oldest&actor=operator:first");
  type Entry = Readonly<Record<string, unknown>>;
  const told = (body.entries as Entry[]).filter(({ kind }) => kind === "tenant" || kind === "organisation");
  expect(told.map(({ kind, operation }) => `${kind} ${operation}`)).toEqual([
    ...["organisation create", "organisation update", "tenant create", "tenant update", "tenant update"],
    "organisation delete",
  ]);
  for (const entry of told) {
    expect(entry).toMatchObject({ address: "127.0.0.1", requestId: expect.any(String), tokenId: expect.any(String) });
  }
});

test("a project goes once its site has let go; its members are out at once, and the site is told why it is", async () => {
  await using hub = await startTestHub();
  const { body } = await hub.ask("PUT", "/v1/projects/acme", {});
  const tenants = [body.status.projectStatus.uID];
  const { token: member } = await hub.hub.tokens.createOperator({ name: "member", role: "write", tenants });
  const site = await hub.site("acme");
  const sender = new Sender(hub, site);
  await sender.send([]);
  const hosts = "/v1/projects/acme/compute/hosts";
  const { body: host } = await hub.ask("POST", hosts, { name: "a", siteId: site.id });
  const begun = await hub.ask("DELETE", "/v1/projects/acme");
  expect(begun).toMatchObject({ status: 200, body: { message: "Project acme DELETE is in progress" } });
  expect((await hub.ask("GET", "/v1/projects/acme", undefined, member)).status).toBe(404);
  expect((await hub.ask("GET", hosts, undefined, member)).status).toBe(404);
  expect(await hub.ask("POST", hosts, { name: "b" })).toMatchObject({
    status: 400,
    body: { code: "FailedPrecondition" },
  });
  await hub.hub.tenants.idle();
  const { projectStatus } = (await hub.ask("GET", "/v1/projects/acme")).body.status;
  expect(projectStatus.statusIndicator).toBe("STATUS_INDICATION_IN_PROGRESS");
  expect(projectStatus.message).toContain(`waiting for ${site.id} to let go of 1 host (asked for since `);
  expect(await hub.ask("DELETE", "/v1/projects/acme?force=true")).toMatchObject({ status: 400 });
  const stored = await hub.hub.store.read((view) => view.get(Host, site.tenant, host.resourceId));
  const stamp = stored?.stamps.desiredState?.id;
  await sender.send([{ type: "release", kind: "host", id: host.resourceId, reason: "deleted", stamp }]);
  await until("the project is gone", async () => (await hub.ask("GET", "/v1/projects/acme")).status === 404);
  const told = await hub.ask("GET", "/v1/sites/self", undefined, site.token);
  expect([told.status, told.body.message]).toEqual([401, "the project acme of this site is deleted"]);
  expect((await hub.ask("GET", "/v1/projects/default/sites", undefined, member)).status).toBe(401);
});
