import { EVERY_TENANT } from "@holdfast/inventory";
import { Host } from "@holdfast/protocol";
import { systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { Sender, startTestHub, type TestHub } from "../hub-harness.ts";

const PROJECT = "/v1/projects/default";

/** A manager's token for these fields. */
async function manager(hub: TestHub, name: string, ...fields: string[]) {
  return (await hub.ask("POST", `${PROJECT}/service-tokens`, { name, roles: ["manager"], fields })).body;
}

/** A hub with a host that reports, and what its site says of it. */
async function startReporting(settings: Parameters<typeof startTestHub>[0] = {}) {
  const hub = await startTestHub(settings);
  const site = await hub.site();
  const { resourceId } = (await hub.ask("POST", `${PROJECT}/compute/hosts`, { name: "a", siteId: site.id })).body;
  const path = `${PROJECT}/compute/hosts/${resourceId}`;
  const sender = new Sender(hub, site);
  const report = async (fields: object) => {
    const state = { type: "state", kind: "host", id: resourceId, observedAt: 1_000, observedGeneration: 1, fields };
    const { body } = await sender.send([{ ...state, sources: { status: { source: "site", at: 1_000 } } }]);
    expect(body.outcomes).toEqual([]);
  };
  const shown = async () => (await hub.ask("GET", path)).body;
  return { hub, path, report, shown };
}

test("a manager writes what it observes, field by field, and what its site reports of these does not count meanwhile", async () => {
  const { hub: opened, path, report, shown } = await startReporting();
  await using hub = opened;
  await report({ amtStatus: "of the site", hostStatus: "Running" });
  expect(await shown()).toMatchObject({ amtStatus: "of the site" });
  const { token, id } = await manager(hub, "amt", "host.amtStatus", "host.amtStatusIndicator");
  const patch = (body: object) => hub.ask("PATCH", path, body, token);
  const wanted = { amtStatus: "Connected", amtStatusIndicator: "STATUS_INDICATION_IDLE" };
  const answer = await patch(wanted);
  expect(answer).toMatchObject({ status: 200, body: wanted });
  await report({ amtStatus: "of the site again", hostStatus: "Error" });
  const { observation, ...host } = await shown();
  expect(host).toMatchObject({ ...wanted, hostStatus: "Error" });
  const seen = { source: "manager:amt", at: expect.any(String), ageSeconds: expect.any(Number) };
  expect(observation.fields).toEqual({ amtStatus: seen, amtStatusIndicator: seen });
  expect(observation.groups.status.source).toBe("site");
  expect(
    (
      await hub.ask(
        "GET",
        `${PROJECT}/compute/hosts?filter=${encodeURIComponent('amtStatus="Connected"')}`,
        undefined,
        token,
      )
    ).body,
  ).toMatchObject({ totalElements: 1 });

  expect((await hub.ask("DELETE", `${PROJECT}/service-tokens/${id}`)).status).toBe(200);
  expect((await patch(wanted)).status).toBe(401);
  await report({ amtStatus: "of the site at last" });
  const after = await shown();
  expect(after).toMatchObject({
    amtStatus: "of the site at last",
    amtStatusIndicator: "STATUS_INDICATION_UNSPECIFIED",
  });
  expect(after.observation.fields).toBeUndefined();
});

test("a manager writes nothing else: no other field, no other kind, no intent, and nothing is made or removed", async () => {
  const { hub: opened, path, shown } = await startReporting();
  await using hub = opened;
  const { token } = await manager(hub, "amt", "host.amtStatus");
  const before = await shown();
  const { resourceId: region } = (await hub.ask("POST", `${PROJECT}/regions`, { name: "r" })).body;
  const cases: [method: string, path: string, body: object | undefined][] = [
    ["PATCH", path, { amtStatus: "x", hostStatus: "y" }],
    ["PATCH", path, { amtStatus: "x", name: "y" }],
    ["PATCH", path, { desiredPowerState: "POWER_STATE_OFF" }],
    ["PATCH", path, { hostNics: [{ deviceName: "eth0" }] }],
    ["PUT", path, { ...before, amtStatus: "x" }],
    ["DELETE", path, undefined],
    ["PUT", `${path}/invalidate`, undefined],
    ["POST", `${path}/commands`, { command: "reset" }],
    ["POST", `${PROJECT}/compute/hosts/register`, { serialNumber: "SN00001" }],
    ["PATCH", `${PROJECT}/regions/${region}`, { name: "s" }],
    ["POST", `${PROJECT}/regions`, { name: "s" }],
    ["POST", `${PROJECT}/service-tokens`, { name: "x", roles: ["im-r"] }],
  ];
  for (const [method, at, body] of cases) {
    const { status, body: said } = await hub.ask(method, at, body, token);
    expect([method, at, body, status, said.code]).toEqual([method, at, body, 403, "PermissionDenied"]);
  }
  expect(await shown()).toEqual({ ...before, observation: (await shown()).observation });
  // What it repeats as it stands is no write.
  const { name, hostStatus } = before;
  expect((await hub.ask("PATCH", path, { name, hostStatus, amtStatus: "seen" }, token)).status).toBe(200);
  expect(await shown()).toMatchObject({ amtStatus: "seen", generation: before.generation });
  const wrong = await hub.ask("PATCH", path, { amtStatus: 5 }, token);
  expect(wrong).toMatchObject({ status: 400, body: { message: expect.stringContaining("amtStatus") } });
  // Who may write intent observes nothing.
  expect((await hub.ask("PATCH", path, { amtStatus: "y" })).status).toBe(400);
});

test("what a manager observes is written of the state that it saw, or not at all", async () => {
  const { hub: opened, path, shown } = await startReporting();
  await using hub = opened;
  const { token } = await manager(hub, "amt", "host.amtStatus");
  const before = await shown();
  const { headers } = await hub.ask("GET", path);
  const { store } = hub.hub.authority;
  const [begun, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const changing = store.write(async (tx) => {
    const [host] = await tx.find(Host, { resourceId: String(before.resourceId) }, EVERY_TENANT);
    if (host) await tx.replace(Host, { ...host, generation: host.generation + 1 });
    begun.resolve();
    await release.promise;
  });
  await begun.promise;
  const late = fetch(`${hub.url}${path}`, {
    method: "PATCH",
    headers: {
      ...{ authorization: `Bearer ${token}`, "content-type": "application/json" },
      "if-match": String(headers.get("etag")),
    },
    body: JSON.stringify({ amtStatus: "late" }),
  });
  // By now it has been looked whether the state that it names stands, and it does.
  for (let count = 0; count < 3; count++) await hub.ask("GET", path);
  release.resolve();
  await changing;
  expect((await late).status).toBe(412);
  expect((await shown()).amtStatus).toBe(before.amtStatus);
});

test("what a manager observes and what is wanted with it are written together, or neither is", async () => {
  const { hub: opened, shown } = await startReporting();
  await using hub = opened;
  const { authority } = hub.hub;
  const before = await shown();
  const host = await authority.store.read((view) =>
    view.find(Host, { resourceId: String(before.resourceId) }, EVERY_TENANT),
  );
  const of = { actor: "manager:amt", tenant: host[0]?.tenant ?? "", id: String(before.resourceId) };
  const observe = (fields: object, observed: object) =>
    authority.observeAsManager(Host, { ...of, fields: { ...fields }, observed: { ...observed } });
  await expect(observe({ siteId: "site-ffffffff" }, { amtStatus: "seen" })).rejects.toThrow("site");
  await expect(observe({ name: "b" }, { amtStatus: 5 })).rejects.toThrow("amtStatus");
  expect(await shown()).toMatchObject({ name: before.name, amtStatus: before.amtStatus });
  await observe({ name: "b" }, { amtStatus: "seen" });
  expect(await shown()).toMatchObject({ name: "b", amtStatus: "seen" });
});

test("a field has one manager in a project, until its token is revoked or ends; another project is another matter", async () => {
  let ahead = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + ahead };
  const { hub: opened, path, report, shown } = await startReporting({ clock });
  await using hub = opened;
  const { id: south } = await hub.hub.authority.createTenant({ actor: "operator:test", name: "south" });
  const make = async (tenants: "all" | string[], validSeconds = 60) => {
    const asked = { name: "m", roles: ["manager"], fields: { host: ["amtStatus"] }, by: { actor: "operator:test" } };
    return hub.hub.tokens.createService({ ...asked, tenants, validSeconds });
  };
  const { token } = await manager(hub, "first", "host.amtStatus");
  await make([south], 10_000);
  const taken = await hub.ask("POST", `${PROJECT}/service-tokens`, {
    name: "second",
    roles: ["manager"],
    fields: ["host.amtStatus"],
  });
  expect(taken).toMatchObject({ status: 400, body: { code: "FailedPrecondition" } });
  expect(taken.body.message).toContain("managed by first");
  await expect(make("all")).rejects.toThrow(/managed by/);
  await hub.ask("PATCH", path, { amtStatus: "seen" }, token);
  ahead = 91 * 86_400_000;
  await report({ amtStatus: "of the site" });
  expect(await shown()).toMatchObject({ amtStatus: "of the site" });
  await make("all");
});
