import { Host, Site } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { openApi } from "./api-under-test.ts";

const SLICE = "site-0000000a";

describe("at a site, which holds its own machines alone (rule 4)", () => {
  test.each([
    ["GET", "compute/hosts/host-ffffffff", undefined],
    ["PATCH", "compute/hosts/host-ffffffff", { name: "a" }],
    ["PUT", "compute/hosts/host-ffffffff", { name: "a" }],
    ["DELETE", "compute/hosts/host-ffffffff", undefined],
    ["PATCH", "compute/hosts/host-ffffffff/onboard", undefined],
    ["PUT", "compute/hosts/host-ffffffff/invalidate", undefined],
    ["POST", "compute/hosts/host-ffffffff/commands", { command: "identify" }],
    ["GET", "compute/hosts/host-ffffffff/commands", undefined],
    ["GET", "compute/instances/inst-ffffffff", undefined],
    ["PUT", "compute/instances/inst-ffffffff/invalidate", undefined],
  ] as const)("%s %s of a machine that is not held answers so, not that there is none", async (method, path, body) => {
    await using api = await openApi({ slice: SLICE });
    const answer = await api.ask(method, path, { body });
    expect([answer.status, answer.body.code]).toEqual([421, "NotHeldHere"]);
    expect(answer.body.message).toMatch(new RegExp(`(host|inst)-ffffffff is not held at ${SLICE}`));
  });

  test("what every site holds is not found when there is none, and an id that is none is refused as ever", async () => {
    await using api = await openApi({ slice: SLICE });
    expect((await api.ask("GET", "sites/site-ffffffff")).status).toBe(404);
    expect((await api.ask("GET", "compute/os/os-ffffffff")).status).toBe(404);
    expect((await api.ask("GET", "compute/hosts/nonsense")).status).toBe(400);
    expect((await api.ask("GET", "compute/hosts/site-ffffffff")).status).toBe(404);
  });

  test("every answer says which slice it is of, and what the program adds, refusals too", async () => {
    const answerHeaders = () => ({ "holdfast-hub-heard": "2026-11-23T08:00:00.000Z" });
    await using api = await openApi({ slice: SLICE, answerHeaders });
    for (const [path, as] of [
      ["compute/hosts", "writer"],
      ["compute/hosts", null],
      ["/v1/health", null],
      ["/nowhere", "writer"],
    ] as const) {
      const { headers } = await api.ask("GET", path, { as });
      expect(headers).toMatchObject({ "holdfast-slice": SLICE, ...answerHeaders() });
    }
  });

  test("a program that holds everything says nothing of slices", async () => {
    await using api = await openApi();
    const answer = await api.ask("GET", "compute/hosts/host-ffffffff");
    expect([answer.status, answer.headers]).toEqual([404, expect.not.objectContaining({ "holdfast-slice": SLICE })]);
  });
});

test("a program's own health is what is answered and documented", async () => {
  const schema = { type: "object", properties: { siteId: { type: "string" } } };
  await using api = await openApi({ health: { schema, answer: () => ({ siteId: SLICE }) } });
  expect(await api.ask("GET", "/v1/health", { as: null })).toMatchObject({ status: 200, body: { siteId: SLICE } });
  expect(JSON.stringify(await api.done("GET", "/openapi.json"))).toContain('"siteId":{"type":"string"}');
});

describe("a machine that is known by another id now (rule 5)", () => {
  async function withAlias() {
    const former = "host-eeeeeeee";
    const ids: { survivor?: string } = {};
    const api = await openApi({ aliasOf: async (_view, _tenant, id) => (id === former ? ids.survivor : undefined) });
    const site = await api.inventory.create(Site, { actor: "hub", tenant: api.acme.id, fields: { name: "s" } });
    const { resourceId } = await api.done("POST", "compute/hosts", { name: "a", siteId: site.resourceId });
    ids.survivor = String(resourceId);
    return { ...api, survivor: String(resourceId), path: `compute/hosts/${former}`, former };
  }

  test("answers to its former id in every way", async () => {
    await using api = await withAlias();
    const { survivor, path, former } = api;
    const stands = async () => (await api.store.read((view) => view.get(Host, api.acme.id, survivor)))?.fields;
    expect(await api.done("GET", path)).toMatchObject({ resourceId: survivor, name: "a" });
    expect(await api.done("PATCH", path, { name: "b" })).toMatchObject({ resourceId: survivor, name: "b" });
    const whole = { ...(await api.done("GET", path)), resourceId: former, name: "c" };
    expect(await api.done("PUT", path, whole)).toMatchObject({ resourceId: survivor, name: "c" });
    expect((await stands())?.name).toBe("c");
    await api.done("PUT", `${path}/invalidate`);
    expect((await stands())?.desiredState).toBe("HOST_STATE_UNTRUSTED");
    expect(await api.done("POST", `${path}/commands`, { command: "identify" })).toMatchObject({ hostId: survivor });
    expect((await api.done("GET", `${path}/commands`)).commands).toHaveLength(1);
    await api.done("DELETE", path);
    expect((await stands())?.desiredState).toBe("HOST_STATE_DELETED");
  });

  test("a body that names yet another id is refused", async () => {
    await using api = await withAlias();
    const body = { resourceId: "host-dddddddd", name: "b" };
    expect((await api.ask("PATCH", api.path, { body })).body.message).toContain("resourceId");
  });

  test("an id that nothing has become is not found", async () => {
    await using api = await withAlias();
    expect((await api.ask("GET", "compute/hosts/host-dddddddd")).status).toBe(404);
  });
});
