import { Host, siteScope, tenantScope } from "@holdfast/protocol";
import { arrivalProof } from "@holdfast/protocol/enrolment";
import { expect, test } from "vitest";
import { Sender, startTestHub, type TestHub } from "../hub-harness.ts";

const PROJECT = "/v1/projects/default";
const HOSTS = `${PROJECT}/compute/hosts`;

async function hubWithHost() {
  const hub = await startTestHub();
  const [oslo, bergen] = [await hub.site(), await hub.site()];
  const { body: host } = await hub.ask("POST", `${HOSTS}/register`, { name: "till", serialNumber: "SN00042" });
  await hub.ask("PATCH", `${HOSTS}/${host.resourceId}`, { siteId: oslo.id });
  return { hub, oslo, bergen, id: host.resourceId as string, [Symbol.asyncDispose]: () => hub[Symbol.asyncDispose]() };
}

async function ownerOf(hub: TestHub, tenant: string, id: string): Promise<string | undefined> {
  return (await hub.hub.store.read((view) => view.get(Host, tenant, id)))?.owner;
}

async function idsIn(hub: TestHub, scope: `site:${string}` | `tenant:${string}`): Promise<string[]> {
  const { rows } = await hub.hub.store.read((view) => view.feed(scope, 0, 1_000));
  return rows.filter(({ body, kind }) => body !== null && kind === "host").map(({ id }) => id);
}

test("one call gives a machine to the site at which it is, though its old site is away (rule 14)", async () => {
  await using it = await hubWithHost();
  const { hub, oslo, bergen, id } = it;
  const answer = await hub.ask("POST", `${HOSTS}/${id}/rehome`, { siteId: bergen.id });
  expect(answer).toMatchObject({ status: 200, body: {} });
  expect(await ownerOf(hub, oslo.tenant, id)).toBe(bergen.id);
  expect(await idsIn(hub, siteScope(oslo.id))).toEqual([]);
  expect(await idsIn(hub, siteScope(bergen.id))).toEqual([id]);
  const { body: audit } = await hub.ask("GET", `${PROJECT}/audit?resourceId=${id}&order=newest&pageSize=2`);
  const by = {
    actor: "operator:first",
    address: "127.0.0.1",
    requestId: expect.any(String),
    tokenId: expect.any(String),
  };
  expect(audit.entries, "the audit log says who took it from the site that managed it").toMatchObject([
    { ...by, before: { owner: oslo.id }, after: { owner: bergen.id } },
    { ...by, before: { siteId: oslo.id }, after: { siteId: bergen.id } },
  ]);
  // Asked again after a lost answer it changes nothing.
  expect((await hub.ask("POST", `${HOSTS}/${id}/rehome`, { siteId: bergen.id })).status).toBe(200);
  expect(await ownerOf(hub, oslo.tenant, id)).toBe(bergen.id);
});

test("a move or deletion that a site cannot carry out is carried out for it, and nothing else is (rules 14, 15)", async () => {
  await using it = await hubWithHost();
  const { hub, oslo, bergen, id } = it;
  const early = await hub.ask("POST", `${HOSTS}/${id}/force-release`);
  expect(early).toMatchObject({ status: 400, body: { message: expect.stringMatching(/wanted where it is/) } });
  await hub.ask("PATCH", `${HOSTS}/${id}`, { siteId: bergen.id });
  expect(await ownerOf(hub, oslo.tenant, id)).toBe(oslo.id);
  expect((await hub.ask("POST", `${HOSTS}/${id}/force-release`)).status).toBe(200);
  expect(await ownerOf(hub, oslo.tenant, id)).toBe(bergen.id);
  await hub.ask("DELETE", `${HOSTS}/${id}`);
  expect((await hub.ask("DELETE", `${HOSTS}/${id}/force`)).status).toBe(200);
  expect((await hub.ask("GET", `${HOSTS}/${id}`)).status).toBe(404);
  expect((await hub.ask("DELETE", `${HOSTS}/${id}/force`)).status).toBe(404);
});

test.each<[string, string, unknown, RegExp]>([
  ["no site", "rehome", {}, /^siteId: is needed/],
  ["nobody, with nothing sent", "rehome", undefined, /^siteId: is needed/],
  ["a site that does not exist", "rehome", { siteId: "site-00000000" }, /^siteId: there is no site/],
  ["something else", "rehome", { siteId: "oslo" }, /^siteId/],
  ["more than is known", "rehome", { siteId: "site-00000000", now: true }, /^now: is not known here/],
])("a machine cannot be given to %s", async (_, act, body, message) => {
  await using it = await hubWithHost();
  const answer = await it.hub.ask("POST", `${HOSTS}/${it.id}/${act}`, body);
  expect(answer).toMatchObject({ status: 400, body: { message: expect.stringMatching(message) } });
});

test("a retired site's tokens open nothing, its hosts are every site's to claim, and it is gone", async () => {
  await using it = await hubWithHost();
  const { hub, oslo, id } = it;
  const { body: leaving } = await hub.ask("POST", `${HOSTS}/register`, { name: "old", serialNumber: "SN00043" });
  await hub.ask("PATCH", `${HOSTS}/${leaving.resourceId}`, { siteId: oslo.id });
  await hub.ask("DELETE", `${HOSTS}/${leaving.resourceId}`);
  expect((await hub.ask("DELETE", `${PROJECT}/sites/${oslo.id}`)).status).toBe(400);
  const answer = await hub.ask("POST", `${PROJECT}/sites/${oslo.id}/retire`, {});
  expect(answer).toMatchObject({ status: 200, body: { moved: 1, deleted: 1 } });
  expect((await hub.ask("GET", "/v1/sites/self", undefined, oslo.token)).status).toBe(401);
  expect((await hub.ask("GET", `${PROJECT}/sites/${oslo.id}`)).status).toBe(404);
  expect(await ownerOf(hub, oslo.tenant, id)).toBeUndefined();
  expect(await idsIn(hub, tenantScope(oslo.tenant))).toEqual([id]);
  expect((await hub.ask("POST", `${PROJECT}/sites/${oslo.id}/retire`, {})).status).toBe(404);
});

test("a retired site's hosts go to the site named, and a site cannot follow itself", async () => {
  await using it = await hubWithHost();
  const { hub, oslo, bergen, id } = it;
  const retire = `${PROJECT}/sites/${oslo.id}/retire`;
  expect(await hub.ask("POST", retire, { moveHostsTo: oslo.id })).toMatchObject({
    status: 400,
    body: { message: expect.stringMatching(/retired/) },
  });
  expect((await hub.ask("POST", retire, { moveHostsTo: "site-00000000" })).status).toBe(400);
  expect((await hub.ask("POST", retire, { moveHostsTo: bergen.id })).body).toEqual({ moved: 1, deleted: 0 });
  expect(await ownerOf(hub, oslo.tenant, id)).toBe(bergen.id);
});

test("a machine is shown where it has proved by its secret to be, not where a site says so (rule 14)", async () => {
  await using it = await hubWithHost();
  const { hub, oslo, bergen, id } = it;
  const [hash, machine] = ["a".repeat(64), "m"];
  await new Sender(hub, oslo).send([{ type: "credential", hostId: id, hash, machine, at: 1 }]);
  const sender = new Sender(hub, bergen);
  const proved = (siteId: string, by = hash) => ({ proof: arrivalProof(by, { hostId: id, siteId }) });
  const says = async (more: object) => {
    await sender.send([{ type: "arrival", hostId: id, machine, at: 1, ...more }]);
    return (await hub.ask("GET", `${HOSTS}/${id}`)).body.misplaced?.siteId;
  };
  expect(await says({})).toBeUndefined();
  expect(await says(proved(oslo.id))).toBeUndefined();
  expect(await says(proved(bergen.id, "b".repeat(64)))).toBeUndefined();
  expect(await says({ ...proved(bergen.id), machine: "another" })).toBeUndefined();
  expect(await says(proved(bergen.id))).toBe(bergen.id);
});
