import { hostTopic, offerHeaders, siteScope, tenantScope } from "@holdfast/protocol";
import mqtt from "mqtt";
import { expect, test } from "vitest";
import { eventually } from "../world/eventually.ts";
import { type Answer, type Json, request } from "../world/request.ts";
import { createWorld, type World } from "../world/world.ts";

const HOSTS = "/v1/projects/default/compute/hosts";
const OFFER = offerHeaders({ version: 1, capabilities: [] });

async function worldWithHost() {
  const world = await createWorld({ sites: ["oslo"] });
  const machine = await world.machine({ site: "oslo" });
  await machine.boot();
  const host = await eventually(async () => {
    const [only] = await world.hub.hosts("default");
    expect(only?.hostStatus).toBe("Running");
    expect(only?.memoryBytes).toMatch(/^[1-9]/);
    return only;
  });
  return { world, machine, host, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

test.each([
  ["a wrong type", { name: 7 }, /name/],
  ["an unknown value of an enumeration", { desiredState: "HOST_STATE_ASLEEP" }, /desiredState/],
  ["a name that is too long", { name: "x".repeat(51) }, /name/],
  ["an id of the wrong form", { siteId: "oslo" }, /siteId/],
  ["a site that does not exist", { siteId: "site-00000000" }, /site_resource not found|siteId/],
  ["a field that does not exist", { naem: "typo" }, /naem/],
  ["an observation", { hostStatus: "Running, honestly" }, /hostStatus/],
  [
    "a label given twice",
    {
      metadata: [
        { key: "a", value: "1" },
        { key: "a", value: "2" },
      ],
    },
    /metadata/,
  ],
])("a request with %s is refused naming the field, and nothing changes", async (_what, body, field) => {
  await using it = await worldWithHost();
  const path = `${HOSTS}/${it.host.resourceId}`;
  const before = await it.world.hub.ask("GET", path);
  const { status, body: error } = await it.world.hub.request("PATCH", path, body);
  expect(status).toBe(400);
  expect(error.message).toMatch(field);
  const after = await it.world.hub.ask("GET", path);
  expect(after.generation).toBe(before.generation);
  expect(after.name).toBe(before.name);
});

test.each(["host-1", "toaster-00000001", "host-XYZXYZXY", "..%2f..%2fetc"])(
  "the id %s is refused or not found",
  async (id) => {
    await using world = await createWorld();
    const { status, body } = await world.hub.request("GET", `${HOSTS}/${id}`);
    expect([400, 404]).toContain(status);
    expect(body).toHaveProperty("message");
  },
);

/** An MQTT client that speaks for a machine, with the machine's own secret, but says what no agent says. */
async function impostor(world: World, hostId: string, secret: string) {
  const { mqtt: port } = world.site("oslo").ports;
  const client = await mqtt.connectAsync({
    ...{ protocol: "mqtt", host: "127.0.0.1", port, protocolVersion: 4, reconnectPeriod: 0 },
    ...{ clientId: hostId, username: hostId, password: secret },
  });
  client.on("error", () => undefined);
  return client;
}

test("a malformed hardware report is set aside, and the machine is still who it was", async () => {
  await using it = await worldWithHost();
  const { hostId, secret } = it.machine.enrolment();
  await it.machine.shutDown();
  const client = await impostor(it.world, hostId, secret);
  const topic = hostTopic(it.world.site("oslo").id, hostId, "hw");
  await client.publishAsync(topic, Buffer.from([0x0a, 0xff, 0xff, 0xff]), { qos: 1, retain: true });
  await client.endAsync();
  await it.machine.boot();
  await eventually(async () => {
    const shown = await it.world.hub.host("default", it.host.resourceId);
    expect(shown).toMatchObject({
      hostStatus: "Running",
      cpuModel: it.host.cpuModel,
      memoryBytes: it.host.memoryBytes,
    });
  });
});

test("a report of 10 MB ends the connection before it is read, and others are not disturbed", async () => {
  await using it = await worldWithHost();
  const second = await it.world.machine({ site: "oslo", tree: "synthetic-arm-board" });
  await second.boot();
  await eventually(() => expect(second.agent.status.session).toBeDefined());
  const session = second.agent.status.session;
  const { hostId, secret } = it.machine.enrolment();
  await it.machine.shutDown();

  const client = await impostor(it.world, hostId, secret);
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  const topic = hostTopic(it.world.site("oslo").id, hostId, "hw");
  client.publish(topic, Buffer.alloc(10 * 1024 * 1024), { qos: 1 });
  await closed;
  client.end(true);
  expect(second.agent.status.session).toBe(session);
});

test("a machine whose clock stands in the year 2000 is managed like any other", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const machine = await world.machine({ site: "oslo", clock: Date.UTC(2000, 0, 1) });
  await machine.boot();
  const host = await eventually(async () => {
    const [only] = await world.hub.hosts("default");
    expect(only?.hostStatus).toBe("Running");
    expect(only?.memoryBytes).toMatch(/^[1-9]/);
    return only;
  });
  await world.hub.ask("PATCH", `${HOSTS}/${host.resourceId}`, { name: "old-clock" });
  await eventually(async () => {
    const shown = await world.hub.host("default", host.resourceId);
    expect(shown).toMatchObject({ name: "old-clock", observedGeneration: shown.generation });
  });
  expect(new Date(host.timestamps.createdAt).getUTCFullYear()).toBeGreaterThan(2020);
});

function uplink(world: World, site: string, token: string, body: unknown): Promise<Answer<Json>> {
  return request(`${world.hub.url}/v1/sites/${site}/uplink`, { method: "POST", token, body, headers: OFFER });
}

test("a batch that comes twice is applied once, and a number that comes again with other content is refused", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const { id, token } = world.site("oslo");
  await world.site("oslo").stop();
  const session = await world.hub.running.authority.epoch();
  const event = (text: string) => ({ type: "event", id: "e1", kind: "site", subject: id, event: text, at: 1 });
  const stream = { epoch: session, incarnation: 4_000_000_000 };
  const batch = (text: string) => ({ stream, first: 1, previous: "", sealedAt: 1, entries: [event(text)] });

  const first = await uplink(world, id, token, batch("door-opened"));
  expect(first).toMatchObject({ status: 200, body: { cursor: 1 } });
  const again = await uplink(world, id, token, batch("door-opened"));
  expect([again.status, again.body]).toEqual([first.status, first.body]);
  expect(await uplink(world, id, token, batch("door-closed"))).toMatchObject({
    status: 409,
    body: { reason: "forked", expected: 2 },
  });
  expect(await uplink(world, id, token, { ...batch("door-opened"), first: 5 })).toMatchObject({
    status: 409,
    body: { reason: "gap", epoch: session, expected: 2 },
  });
});

test("a site's token opens its own site's uplink and feed, and nothing else", async () => {
  await using world = await createWorld();
  const stranger = await world.addProject("other");
  const [oslo, bergen] = [await world.addSite("oslo"), await world.addSite("bergen")];
  const malmo = await world.addSite("malmo", "other");
  const empty = { stream: { epoch: "x", incarnation: 1 }, first: 1, previous: "", sealedAt: 1, entries: [] };
  const refusals = [401, 403];

  for (const token of [bergen.token, malmo.token, world.hub.token, "hfs_nonsense"]) {
    const answer = await uplink(world, oslo.id, token, empty);
    expect(refusals).toContain(answer.status);
    expect(answer.body.message).toBeTruthy();
  }
  const shape = async (scope: string, token: string) => {
    const query = new URLSearchParams({ table: "feed", where: "scope = $1", "params[1]": scope, offset: "-1" });
    const headers = { ...OFFER, authorization: `Bearer ${token}` };
    return (await fetch(`${world.hub.url}/v1/shape?${query}`, { headers })).status;
  };
  const [ours] = (await world.hub.running.store.read((view) => view.tenants())).filter(
    ({ name }) => name === "default",
  );
  expect(await shape(siteScope(oslo.id), oslo.token)).toBe(200);
  expect(await shape(tenantScope(ours?.id ?? ""), oslo.token)).toBe(200);
  for (const token of [bergen.token, malmo.token, world.hub.token, stranger.token]) {
    expect(refusals).toContain(await shape(siteScope(oslo.id), token));
  }
  expect(refusals).toContain(await shape(tenantScope(ours?.id ?? ""), malmo.token));
  for (const token of [oslo.token, malmo.token]) {
    expect(refusals).toContain((await world.hub.request("GET", HOSTS, undefined, token)).status);
  }
});

test("a token that was used admits no second machine", async () => {
  await using it = await worldWithHost();
  const again = await it.world.machine({ site: "oslo", tree: "synthetic-arm-board", token: it.machine.token });
  await again.boot();
  await it.world.clock.advance(5_000);
  expect(again.hostId).toBeUndefined();
  expect(await it.world.hub.hosts("default")).toHaveLength(1);
});
