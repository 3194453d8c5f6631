import { Host } from "@holdfast/protocol";
import { decode, encode } from "@holdfast/protocol/messages";
import mqtt from "mqtt";
import protobuf from "protobufjs";
import { expect, test } from "vitest";
import { agentRecording, missingFrom, payloadOf, protoOf, siteRecording, withIds } from "../wire/recording.ts";
import { Replay } from "../wire/replay.ts";
import { eventually } from "../world/eventually.ts";
import { request } from "../world/request.ts";
import { createWorld } from "../world/world.ts";

const PROJECT = "/v1/projects/default";

/** Protocol versions of which recordings are kept. */
const RECORDED = [1, 2];

test.each(RECORDED)(
  "a hub takes what a site of protocol %i sends, and tells it all that it knew to read (rule 23)",
  async (version) => {
    await using world = await createWorld();
    const replay = new Replay(world, siteRecording(version), version);
    await replay.run();
    expect(await world.hub.ask("GET", `${PROJECT}/sites/${replay.site}/quarantine`)).toMatchObject({ total: 0 });
    expect(replay.unshown()).toEqual([]);
    const shown = (await world.hub.hosts("default")).filter(({ siteId }) => siteId === replay.site);
    const then = new Map(replay.shown().map((host) => [host.resourceId, host]));
    expect(shown.map(({ resourceId }) => resourceId).toSorted()).toEqual([...then.keys()].toSorted());
    // What operators wanted, through conflict, restore and choice; of version 1 none of it was kept.
    const wanted = version === 1 ? [] : ["name", "metadata", "siteId", "desiredState"];
    for (const host of shown) {
      const before = then.get(host.resourceId) ?? {};
      for (const name of wanted) expect({ [name]: host[name] }).toEqual({ [name]: before[name] });
    }
    const observed = Object.entries(Host.fields).filter(
      ([name, { owner }]) => owner === "site" && !name.endsWith("Timestamp"),
    );
    for (const host of shown) {
      for (const [name] of observed) {
        const before = then.get(host.resourceId)?.[name];
        if (before !== undefined) expect({ [name]: host[name] }).toEqual({ [name]: before });
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
      await site.node.caughtUp();
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
          const { topic, qos = 0, retain = false } = packet;
          await client.publishAsync(topic ?? "", payloadOf(packet), { qos, retain });
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

test("a machine of another site that an agent of protocol 2 brings is answered as it knew to read (rules 14, 23)", async () => {
  await using world = await createWorld({ sites: ["oslo"] });
  const site = world.site("oslo");
  await site.node.caughtUp();
  const { arrivals = [] } = agentRecording(2);
  expect(arrivals.map(({ answer }) => answer.state)).toContain("welcome");
  const [misplaced] = arrivals.filter(({ answer }) => answer.state === "misplaced");
  const { method = "", path = "", request: body, answer } = misplaced ?? {};
  const now = await request(`${site.url}${path}`, { method, token: "", body });
  expect(now).toMatchObject({ status: misplaced?.status, body: { state: "misplaced" } });
  expect(missingFrom(now.body, answer)).toEqual([]);
});

test("what a site of a later version says and this hub does not know is set aside with its text (rules 9, 23)", async () => {
  await using world = await createWorld();
  const replay = new Replay(world, siteRecording(2), 2);
  const said = { type: "forecast", host: "host-00000001", weather: ["rain", 0.5] };
  const state = { type: "state", kind: "sensor", id: "sensor-1", observedAt: 1, observedGeneration: 1, fields: {} };
  await replay.run([said, state]);
  const { entries } = await world.hub.ask("GET", `${PROJECT}/sites/${replay.site}/quarantine`);
  expect(entries.map(({ entry }: { entry: string }) => JSON.parse(entry))).toEqual([state, said]);
  expect(entries.map(({ reason }: { reason: string }) => reason)).toEqual([
    expect.stringMatching(/unknown kind: "sensor"/),
    expect.stringMatching(/unknown type of entry: "forecast"/),
  ]);
});

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
