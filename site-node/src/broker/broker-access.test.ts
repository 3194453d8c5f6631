import { join } from "node:path";
import { openSqlite } from "@holdfast/runtime/sqlite";
import { expect, test } from "vitest";
import { BERGEN, closed, OSLO, own, SITE, TestBroker, until } from "../testing/test-broker.ts";

test("a host connects with its id and secret and is listed as connected until it goes", async () => {
  await using site = await new TestBroker().start();
  const client = await site.connect(OSLO);
  await until("connected", () => site.broker.connected().length === 1);
  expect(site.broker.connected()).toEqual([OSLO]);
  await client.mqtt.endAsync();
  await until("gone", () => site.broker.connected().length === 0);
});

test.each([
  ["a wrong secret", OSLO, { password: "hfh_bergen" }, 4],
  ["no secret", OSLO, { username: OSLO, password: undefined }, 4],
  ["an unknown host", "host-0000dead", {}, 4],
  ["another user name than the client id", OSLO, { username: BERGEN }, 4],
  ["a client id that is no host's", "observer", {}, 2],
])("a connection with %s is refused", async (_name, host, options, code) => {
  await using site = await new TestBroker().start();
  const refused: unknown = await site.connect(host, options as object).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code });
  const [line] = site.said("a connection was refused");
  expect(line).toMatchObject({ clientId: host });
  expect(JSON.stringify(site.logged)).not.toContain("hfh_");
});

test("MQTT 5 is refused with the code for that", async () => {
  await using site = await new TestBroker().start();
  await expect(site.connect(OSLO, { protocolVersion: 5 })).rejects.toMatchObject({ code: 1 });
});

test("MQTT 3.1 is not a way past the secret", async () => {
  await using site = await new TestBroker().start();
  const old = { protocolId: "MQIsdp", protocolVersion: 3, password: "wrong" } as const;
  await expect(site.connect(OSLO, old)).rejects.toMatchObject({ code: 5 });
});

test("a keepalive longer than the limit, or none, is refused", async () => {
  await using site = await new TestBroker({ limits: { keepalive: 10_000 } }).start();
  await expect(site.connect(OSLO, { keepalive: 11 })).rejects.toThrow();
  await expect(site.connect(OSLO, { keepalive: 0 })).rejects.toThrow();
  await using _client = await site.connect(OSLO, { keepalive: 10 });
});

test.each([
  ["another host's topic", own(BERGEN, "status")],
  ["another site's topic", `e/v1/site-00000002/${OSLO}/status`],
  ["what the site tells it", own(OSLO, "desired")],
  ["the site's own status", `e/v1/${SITE}/_node/status`],
  ["$SYS", "$SYS/anything"],
  ["a topic of too many levels", own(OSLO, "jobs/a/status/b/c")],
])("a host that publishes to %s is disconnected and not heard", async (_name, topic) => {
  await using site = await new TestBroker().start();
  await using client = await site.connect(OSLO);
  client.mqtt.publish(topic, "x", { qos: 1 });
  await until("disconnected", () => closed(client.mqtt));
  expect(site.heard).toEqual([]);
  await until("said", () => site.said("a host's connection was ended").length === 1);
});

test.each(["hb", "tele/cpu", "jobs/j1/status", "res/r1"])(
  "a host that retains %s is disconnected and nothing is retained",
  async (leaf) => {
    await using site = await new TestBroker().start();
    await using client = await site.connect(OSLO);
    client.mqtt.publish(own(OSLO, leaf), "x", { qos: 1, retain: true });
    await until("disconnected", () => closed(client.mqtt));
    expect(site.heard).toEqual([]);
  },
);

test("a host publishes below its own prefix and the site hears it with what it is about", async () => {
  await using site = await new TestBroker().start();
  await using client = await site.connect(OSLO);
  await client.mqtt.publishAsync(own(OSLO, "status"), "s", { qos: 1, retain: true });
  await client.mqtt.publishAsync(own(OSLO, "jobs/j1/status"), "j", { qos: 1 });
  await client.mqtt.publishAsync(own(OSLO, "res/r9"), "r", { qos: 2 });
  await client.mqtt.publishAsync(own(OSLO, "hb"), "h", { qos: 0 });
  await until("heard", () => site.heard.length === 4);
  expect(site.heard).toEqual([
    { from: OSLO, message: { is: "status" }, text: "s", packet: { retain: true, qos: 1, will: false } },
    { from: OSLO, message: { is: "job-status", job: "j1" }, text: "j", packet: { retain: false, qos: 1, will: false } },
    { from: OSLO, message: { is: "result", request: "r9" }, text: "r", packet: { retain: false, qos: 2, will: false } },
    { from: OSLO, message: { is: "heartbeat" }, text: "h", packet: { retain: false, qos: 0, will: false } },
  ]);
});

test.each([
  own(BERGEN, "desired"),
  `e/v1/site-00000002/${OSLO}/desired`,
  own(OSLO, "#"),
  "#",
  "+/v1/#",
  `e/v1/${SITE}/+/desired`,
  "$SYS/#",
  own(OSLO, "status"),
])("a subscription to %s is refused in the SUBACK", async (filter) => {
  await using site = await new TestBroker().start();
  await using client = await site.connect(OSLO);
  const granted = await suback(client.mqtt, filter);
  expect(granted).toEqual([128]);
});

test("a host subscribes to what it is told and reads whether its site-node listens", async () => {
  await using site = await new TestBroker().start();
  await using client = await site.connect(OSLO);
  const filters = [own(OSLO, "desired"), own(OSLO, "jobs/next"), own(OSLO, "req/+/+"), `e/v1/${SITE}/_node/status`];
  expect(await suback(client.mqtt, filters)).toEqual([1, 1, 1, 1]);
  await until("the status", () => client.got.length === 1);
  expect(client.got[0]).toMatchObject({ topic: `e/v1/${SITE}/_node/status`, retain: true });
  expect(JSON.parse(client.got[0]?.text ?? "")).toMatchObject({ state: "online", node: "edge" });
  await site.broker.publish(own(OSLO, "req/r1/identify"), "blink", { qos: 1 });
  await until("the request", () => client.got.length === 2);
  expect(client.got[1]).toEqual({ topic: own(OSLO, "req/r1/identify"), text: "blink", retain: false });
});

test("a refused filter in the same SUBSCRIBE as an allowed one gets nothing, then or after a reconnection", async () => {
  await using site = await new TestBroker().start();
  const first = await site.connect(OSLO);
  expect(await suback(first.mqtt, [own(OSLO, "desired"), own(BERGEN, "desired")])).toEqual([1, 128]);
  await first.mqtt.endAsync(true);
  await site.broker.publish(own(BERGEN, "desired"), "bergen's", { qos: 1 });
  await site.broker.publish(own(OSLO, "desired"), "oslo's", { qos: 1 });
  expect(site.rows("outgoing")).toBe(1);
  await using second = await site.connect(OSLO);
  await until("its own", () => second.got.length > 0);
  expect(second.got.map(({ text }) => text)).toEqual(["oslo's"]);
});

test("what a host may not be told stays unsent, even if it stands in its stored session", async () => {
  await using site = await new TestBroker().start();
  await site.broker.close();
  const database = openSqlite(join(site.folder, "broker.db"));
  database.exec(`
    INSERT INTO subscription VALUES ('${OSLO}', '${own(BERGEN, "desired")}', 1, '{}');
    INSERT INTO outgoing (client_id, cmd, broker_id, broker_counter, topic, payload, qos, retain, dup, bytes) VALUES
      ('${OSLO}', 'publish', 'b', 1, '${own(BERGEN, "desired")}', 'bergen''s', 1, 0, 0, 99),
      ('${OSLO}', 'publish', 'b', 2, '${own(OSLO, "req/a/identify")}', 'oslo''s', 1, 0, 0, 99)`);
  database.close();
  await site.start();
  await using client = await site.connect(OSLO);
  await until("its own", () => client.got.length > 0);
  await site.broker.publish(own(BERGEN, "desired"), "bergen's", { qos: 1 });
  await client.mqtt.subscribeAsync(own(OSLO, "desired"), { qos: 1 });
  await site.broker.publish(own(OSLO, "desired"), "oslo's again", { qos: 1 });
  await until("the last", () => client.got.some(({ text }) => text === "oslo's again"));
  expect(client.got.map(({ text }) => text)).toEqual(["oslo's", "oslo's again"]);
});

test("a topic of more levels than any of ours is refused from the site too", async () => {
  await using site = await new TestBroker().start();
  await expect(site.broker.publish(own(OSLO, "req/a/b/c/d"), "x", { qos: 1 })).rejects.toThrow(/levels/);
});

test.each([
  ["another host's status", own(BERGEN, "status")],
  ["a topic of its own that is not its status", own(OSLO, "reported")],
])("a will for %s is refused at the CONNECT", async (_name, topic) => {
  await using site = await new TestBroker().start();
  const will = { topic, payload: Buffer.from("x"), qos: 1, retain: true } as const;
  await expect(site.connect(OSLO, { will })).rejects.toMatchObject({ code: 5 });
  expect(site.heard).toEqual([]);
});

async function suback(client: import("mqtt").MqttClient, filter: string | string[]): Promise<number[]> {
  return new Promise((resolve) => {
    client.subscribe(filter, { qos: 1 }, (_error, granted, packet) => {
      const codes = packet && "granted" in packet ? packet.granted : granted?.map(({ qos }) => qos);
      resolve((codes ?? []).map(Number));
    });
  });
}
