import { batchHash, Host, siteScope } from "@holdfast/protocol";
import { decode, encode } from "@holdfast/protocol/messages";
import mqtt from "mqtt";
import protobuf from "protobufjs";
import { expect, test } from "vitest";
import { agentRecording, missingFrom, payloadOf, protoOf, siteRecording, withIds } from "../wire/recording.ts";
import { eventually } from "../world/eventually.ts";
import { request } from "../world/request.ts";
import { createWorld, type World } from "../world/world.ts";

const PROJECT = "/v1/projects/default";

/** Protocol versions of which recordings are kept. */
const RECORDED = [1];

test.each(RECORDED)(
  "a hub takes what a site of protocol %i sends, and tells it all that it knew to read (rule 23)",
  async (version) => {
    await using world = await createWorld();
    const recorded = siteRecording(version);
    const { site, call } = await siteOf(world, version);
    const os = await world.hub.ask("POST", `${PROJECT}/compute/os`, {
      name: "Debian 12",
      profileName: "debian-12",
      sha256: "a".repeat(64),
    });
    const session = await call("GET", "/v1/sites/self");
    expect(missingFrom(session.body, answerTo(recorded, "/v1/sites/self"))).toEqual([]);
    const ids = new Map([
      [recorded.ids.site, site.resourceId],
      [recorded.ids.tenant, session.body.tenant.id],
      [recorded.ids.epoch, session.body.epoch],
      [recorded.ids.os, os.resourceId],
    ]);

    let previous = "";
    for (const { body, answer } of recorded.requests) {
      if (body === null) continue;
      // What the recorded site let go had been asked for at its hub, under a stamp of that hub's making.
      for (const entry of body.entries as { type: string; kind: string; id: string; stamp: string }[]) {
        if (entry.type === "release") ids.set(entry.stamp, await askToLetGo(world, site.resourceId, entry, ids));
      }
      const batch = { ...withIds(body, ids), previous };
      const sent = await call("POST", `/v1/sites/${site.resourceId}/uplink`, batch);
      expect(sent).toMatchObject({ status: 200, body: { cursor: answer.cursor } });
      expect(missingFrom(sent.body, answer)).toEqual([]);
      previous = batchHash(batch);
      if (sent.body.ids) {
        for (const [nth, host] of [recorded.ids.host, recorded.ids.secondHost].entries()) {
          ids.set(host, `host-${(sent.body.ids.first + nth).toString(16)}`);
        }
      }
      if (sent.body.cursor === 4) await makeInstance(world, ids, recorded.ids);
    }
    expect(await world.hub.ask("GET", `${PROJECT}/sites/${site.resourceId}/quarantine`)).toMatchObject({ total: 0 });
    const [then] = withIds(recorded.shows, ids);
    const [now, ...others] = await world.hub.hosts("default");
    expect(others).toEqual([]);
    for (const name of Object.keys(Host.fields).filter((each) => Host.fields[each as "name"].owner === "site")) {
      if (then[name] !== undefined && !name.endsWith("Timestamp"))
        expect({ [name]: now[name] }).toEqual({ [name]: then[name] });
    }

    await world.hub.ask("POST", `${PROJECT}/sites/${site.resourceId}/enrolment-tokens`, {});
    for (const { path, answer, status } of recorded.requests.filter((each) => each.path.includes("offset=-1"))) {
      const shape = await call("GET", withIds(path, ids));
      expect(shape.status).toBe(status);
      for (const row of answer.filter((message: { key?: string }) => message.key)) {
        const same = shape.body.find(
          (message: { value?: { kind: string; body: string } }) =>
            message.value?.kind === row.value.kind && message.value?.body,
        );
        expect(missingFrom(same, row)).toEqual([]);
        expect(missingFrom(JSON.parse(same.value.body), JSON.parse(row.value.body))).toEqual([]);
      }
    }
  },
);

test.each(RECORDED)(
  "a site takes what agents of protocol %i say, and tells them all that they knew to read (rule 23)",
  async (version) => {
    await using world = await createWorld({ sites: ["oslo"] });
    const site = world.site("oslo");
    await site.node.caughtUp();
    const desired = protobuf.parse(protoOf(version)).root.lookupType("holdfast.agent.v1.Desired");
    for (const { enrolment, packets } of agentRecording(version).machines) {
      const token = await site.enrolmentToken();
      const enrolled = await request(`${site.url}/v1/enroll`, {
        method: "POST",
        token: "",
        body: { ...enrolment.request, token },
      });
      expect(enrolled.status).toBe(200);
      expect(missingFrom(enrolled.body, enrolment.answer)).toEqual([]);
      const { hostId, secret, siteId } = enrolled.body;
      const ids = new Map([
        [enrolment.answer.siteId, siteId],
        [enrolment.answer.hostId, hostId],
      ]);
      const client = await mqtt.connectAsync({
        ...{
          host: "127.0.0.1",
          port: site.ports.mqtt,
          clientId: hostId,
          username: hostId,
          password: secret,
          clean: false,
        },
        ...{ protocolVersion: 4, reconnectPeriod: 0 },
      });
      try {
        const told: Buffer[] = [];
        client.on("message", (topic, payload) => topic.endsWith("/desired") && told.push(payload));
        await client.subscribeAsync(`e/v1/${siteId}/${hostId}/desired`, { qos: 1 });
        const goodbye = packets.findLastIndex(({ topic }) => topic?.endsWith("/status"));
        for (const [at, packet] of withIds(packets, ids).entries()) {
          if (packet.direction !== "up" || packet.cmd !== "publish" || (at === goodbye && at > 12)) continue;
          const { topic = "", qos = 0, retain = false } = packet;
          await client.publishAsync(topic, payloadOf(packet), { qos, retain });
        }
        await eventually(async () => {
          const shown = await world.hub.host("default", hostId);
          expect(shown).toMatchObject({ serialNumber: enrolment.request.serialNumber, hostStatus: "Running" });
          expect(shown.memoryBytes).toMatch(/^[1-9]/);
        });
        await world.hub.ask("PATCH", `${PROJECT}/compute/hosts/${hostId}`, {
          metadata: [{ key: "role", value: "till" }],
        });
        const now = await eventually(() => {
          const newest = desired.toObject(desired.decode(told.at(-1) ?? Buffer.alloc(0)));
          expect(newest.metadata).toEqual({ role: "till" });
          return newest;
        });
        for (const packet of packets.filter(
          ({ direction, topic }) => direction === "down" && topic?.endsWith("/desired"),
        )) {
          expect(missingFrom(now, desired.toObject(desired.decode(payloadOf(packet))))).toEqual([]);
          expect(decode("Desired", payloadOf(packet)).hostId).toBe(enrolment.answer.hostId);
        }
      } finally {
        await client.endAsync(true);
      }
    }
  },
);

test("fields of a message that a version does not know do no harm, whichever side is the newer", () => {
  const known = protobuf.parse(protoOf(1)).root.lookupType("holdfast.agent.v1.Heartbeat");
  const newer = protobuf.parse(
    protoOf(1).replace("message Heartbeat {", "message Heartbeat {\n  string mood = 99;"),
  ).root;
  const bytes = newer.lookupType("holdfast.agent.v1.Heartbeat").encode({ session: "s", mood: "fine" }).finish();
  expect(decode("Heartbeat", Buffer.from(bytes)).session).toBe("s");
  const ours = encode("Heartbeat", { session: "s", sequence: 1, reportHash: "h" });
  expect(known.toObject(known.decode(ours))).toMatchObject({ session: "s" });
});

/** A site of a hub, played by hand: its token and how it calls, with the headers of a version. */
async function siteOf(world: World, version: number) {
  const region = await world.hub.ask("POST", `${PROJECT}/regions`, { name: "region" });
  const site = await world.hub.ask("POST", `${PROJECT}/sites`, { name: "site", regionId: region.resourceId });
  const { token } = await world.hub.ask("POST", `${PROJECT}/sites/${site.resourceId}/tokens`, {});
  const headers = { "holdfast-protocol": String(version), "holdfast-capabilities": "" };
  const call = (method: string, path: string, body?: unknown) =>
    request(`${world.hub.url}${path}`, { method, token, body, headers });
  return { site, call };
}

function answerTo({ requests }: ReturnType<typeof siteRecording>, path: string) {
  return requests.find((each) => each.path === path)?.answer;
}

async function makeInstance(
  world: World,
  ids: Map<string, string>,
  then: { os: string; host: string; instance: string },
) {
  const made = await world.hub.ask("POST", `${PROJECT}/compute/instances`, {
    name: "web",
    kind: "INSTANCE_KIND_METAL",
    hostID: ids.get(then.host),
    osID: ids.get(then.os),
    securityFeature: "SECURITY_FEATURE_NONE",
  });
  ids.set(then.instance, made.resourceId);
}

/** Deletes a resource at the hub, and answers the stamp under which its site is asked to let it go. */
async function askToLetGo(
  world: World,
  site: string,
  { kind, id }: { kind: string; id: string },
  ids: Map<string, string>,
) {
  const now = ids.get(id) ?? id;
  await world.hub.ask("DELETE", `${PROJECT}/compute/${kind}s/${now}`);
  const { rows } = await world.hub.running.store.read((view) => view.feed(siteScope(site), 0, 1_000));
  return JSON.parse(rows.find((row) => row.id === now)?.body ?? "{}").stamps.desiredState.id as string;
}
