import { join } from "node:path";
import { Duplex } from "node:stream";
import { openSqlite } from "@holdfast/runtime/sqlite";
import mqtt from "mqtt";
import { expect, test } from "vitest";
import { BERGEN, closed, connectPacket, OSLO, own, SITE, TestBroker, until } from "../testing/test-broker.ts";

test("what was queued for a host, its session and what is retained outlive a restart", async () => {
  await using site = await new TestBroker().start();
  const first = await site.connect(OSLO);
  expect(first.sessionPresent).toBe(false);
  await first.mqtt.subscribeAsync([own(OSLO, "jobs/next"), own(OSLO, "req/+/+")], { qos: 1 });
  await first.mqtt.endAsync();
  await until("gone", () => site.broker.connected().length === 0);
  await site.broker.publish(own(OSLO, "desired"), "desired 7", { qos: 1, retain: true });
  for (const id of ["a", "b", "c"]) await site.broker.publish(own(OSLO, `req/${id}/identify`), id, { qos: 1 });

  await site.restart();

  await using second = await site.connect(OSLO);
  expect(second.sessionPresent).toBe(true);
  await until("the queue", () => second.got.length === 3);
  expect(second.got.map(({ text }) => text)).toEqual(["a", "b", "c"]);
  await second.mqtt.subscribeAsync(own(OSLO, "desired"), { qos: 1 });
  await until("the retained one", () => second.got.length === 4);
  expect(second.got[3]).toEqual({ topic: own(OSLO, "desired"), text: "desired 7", retain: true });
});

test("what a host has acknowledged is not sent to it again", async () => {
  await using site = await new TestBroker().start();
  const first = await site.connect(OSLO);
  await first.mqtt.subscribeAsync(own(OSLO, "req/+/+"), { qos: 1 });
  await site.broker.publish(own(OSLO, "req/a/identify"), "a", { qos: 1 });
  await until("delivered", () => first.got.length === 1);
  await first.mqtt.endAsync();
  await site.restart();
  await site.broker.publish(own(OSLO, "req/b/identify"), "b", { qos: 1 });
  await using second = await site.connect(OSLO);
  await until("the next", () => second.got.length > 0);
  expect(second.got.map(({ text }) => text)).toEqual(["b"]);
});

test("what a host has retained outlives a restart", async () => {
  await using site = await new TestBroker().start();
  const client = await site.connect(OSLO);
  await client.mqtt.publishAsync(own(OSLO, "reported"), "version 7", { qos: 1, retain: true });
  await client.mqtt.endAsync();
  expect(site.retained(own(OSLO, "reported"))).toBe("version 7");
  await site.restart();
  expect(site.retained(own(OSLO, "reported"))).toBe("version 7");
});

test("what there is no room to retain is taken by the site all the same, and its host stays connected", async () => {
  // One is the site's own status.
  await using site = await new TestBroker({ limits: { retainedMessages: 1 } }).start();
  await using client = await site.connect(OSLO);
  await client.mqtt.publishAsync(own(OSLO, "status"), "online", { qos: 1, retain: true });
  await client.mqtt.publishAsync(own(OSLO, "reported"), "version 7", { qos: 1, retain: true });
  expect(site.heard.map(({ text }) => text)).toEqual(["online", "version 7"]);
  expect(site.said("a message was not retained")).toHaveLength(2);
  expect(site.broker.connected()).toEqual([OSLO]);
  await expect(site.broker.publish(own(OSLO, "desired"), "7", { qos: 1, retain: true })).rejects.toMatchObject({
    code: "ResourceExhausted",
  });
});

test("a publication that the site could not take is not acknowledged, and is taken when the host sends it again", async () => {
  let broken = true;
  const taken: string[] = [];
  await using site = await new TestBroker({
    onUp: async (_from, _message, payload) => {
      if (broken) throw new Error("the disk is full");
      taken.push(payload.toString());
    },
  }).start();
  await using client = await site.connect(OSLO, { reconnectPeriod: 20 });
  const [first, second] = [sent(client, "1"), sent(client, "2")];
  await until("cut off", () => closed(client.mqtt));
  expect([first.acknowledged, second.acknowledged]).toEqual([false, false]);

  broken = false;
  await until("acknowledged", () => first.acknowledged && second.acknowledged);
  expect(taken).toEqual(["1", "2"]);
  expect(site.said("a host's connection was ended")[0]).toMatchObject({
    host: OSLO,
    error: expect.stringContaining("the disk is full"),
  });
});

test("nothing of a connection is taken after a publication of it that could not be", async () => {
  const taken: string[] = [];
  await using site = await new TestBroker({
    onUp: async (_from, _message, payload) => {
      if (payload.toString() === "2" && !taken.includes("2 failed")) {
        taken.push("2 failed");
        throw new Error("busy");
      }
      taken.push(payload.toString());
    },
  }).start();
  await using client = await site.connect(OSLO, { reconnectPeriod: 20 });
  // In one write, so that all three are there before the second fails.
  client.mqtt.stream.cork();
  const all = ["1", "2", "3"].map((text) => sent(client, text));
  client.mqtt.stream.uncork();
  await until("acknowledged", () => all.every(({ acknowledged }) => acknowledged));
  expect(taken.indexOf("3")).toBeGreaterThan(taken.indexOf("2"));
  expect(taken.indexOf("2")).toBeGreaterThan(taken.indexOf("2 failed"));
});

test("an acknowledgement comes after the site has taken the publication", async () => {
  let take = (): void => undefined;
  const taking = new Promise<void>((resolve) => {
    take = resolve;
  });
  let begun = false;
  await using site = await new TestBroker({
    onUp: () => {
      begun = true;
      return taking;
    },
  }).start();
  await using client = await site.connect(OSLO);
  const one = sent(client, "1");
  await until("begun", () => begun);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(one.acknowledged).toBe(false);
  take();
  await until("acknowledged", () => one.acknowledged);
});

test("a repeat of QoS 2 is taken once", async () => {
  await using site = await new TestBroker().start();
  const publish = Buffer.from([0x34, 0, 0, own(OSLO, "hb").length, ...Buffer.from(own(OSLO, "hb")), 0, 9, 0x78]);
  publish[1] = publish.length - 2;
  const session = connectPacket(OSLO, "hfh_oslo", 30);
  session[9] = 0xc0; // no clean session
  const first = await site.socket();
  first.write(session);
  await until("connected", () => site.broker.connected().length === 1);
  first.write(publish);
  await until("taken", () => site.heard.length === 1);
  await until("the PUBREC", () => first.bytesRead >= 8);
  first.destroy();
  // Somebody else's attempt in its name, with a clean session, changes nothing about it.
  await expect(site.connect(OSLO, { clean: true, password: "wrong" })).rejects.toMatchObject({ code: 4 });
  await site.restart();
  const second = await site.socket();
  second.write(session);
  await until("connected", () => site.broker.connected().length === 1);
  second.write(Buffer.concat([Buffer.from([0x3c]), publish.subarray(1)]));
  await until("the PUBREC again", () => second.bytesRead >= 8);
  expect(site.heard).toHaveLength(1);
});

test("a forgotten host is disconnected, and nothing of it is left", async () => {
  await using site = await new TestBroker().start();
  const client = await site.connect(OSLO);
  await client.mqtt.subscribeAsync(own(OSLO, "req/+/+"), { qos: 1 });
  await client.mqtt.publishAsync(own(OSLO, "status"), "online", { qos: 1, retain: true });
  await client.mqtt.endAsync();
  await using other = await site.connect(BERGEN);
  await other.mqtt.publishAsync(own(BERGEN, "status"), "bergen is here", { qos: 1, retain: true });
  await site.broker.publish(own(OSLO, "desired"), "desired 7", { qos: 1, retain: true });
  await site.broker.publish(own(OSLO, "req/a/identify"), "a", { qos: 1 });
  await using again = await site.connect(OSLO);
  expect(again.sessionPresent).toBe(true);

  await site.broker.forget(OSLO);

  await until("cut off", () => closed(again.mqtt));
  expect(site.broker.connected()).toEqual([BERGEN]);
  await using third = await site.connect(OSLO);
  expect(third.sessionPresent).toBe(false);
  await third.mqtt.subscribeAsync([own(OSLO, "desired"), `e/v1/${SITE}/_node/status`], { qos: 1 });
  await until("the site's status", () => third.got.length === 1);
  expect(third.got[0]?.topic).toBe(`e/v1/${SITE}/_node/status`);
});

test("a taken port is said with the flag that chooses another", async () => {
  await using site = await new TestBroker().start();
  const other = new TestBroker();
  await expect(other.start({ listen: { host: "127.0.0.1", port: site.broker.port } })).rejects.toMatchObject({
    code: "FailedPrecondition",
    message: expect.stringContaining("--mqtt-port"),
  });
  await other[Symbol.asyncDispose]();
});

test("the site's status is online while it runs and offline once it has stopped, and every host is told", async () => {
  await using site = await new TestBroker().start();
  const hosts = Array.from({ length: 20 }, (_, index) => `host-000000${(index + 16).toString(16)}`);
  for (const host of hosts) site.admitted.set(host, "hfh_many");
  const clients = await Promise.all(hosts.map((host) => site.connect(host)));
  for (const { mqtt } of clients) await mqtt.subscribeAsync(`e/v1/${SITE}/_node/status`, { qos: 1 });
  await until("online", () => clients.every(({ got }) => got.length === 1));
  await site.broker.close();
  await until("offline", () => clients.every(({ got }) => got.length === 2));
  for (const { got } of clients) expect(got.map(({ text }) => JSON.parse(text).state)).toEqual(["online", "offline"]);
  expect(site.retained(`e/v1/${SITE}/_node/status`)).toContain('"state":"offline"');
});

test("a connection that does not come from the port is as good as one that does", async () => {
  await using site = await new TestBroker().start();
  const [here, there] = wire();
  site.broker.attach(there);
  let received = Buffer.alloc(0);
  here.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  here.write(connectPacket(OSLO, "hfh_oslo", 30));
  await until("the CONNACK", () => received.length >= 4);
  expect([...received]).toEqual([0x20, 2, 0, 0]);
  expect(site.broker.connected()).toEqual([OSLO]);
});

/** Two ends that deliver on a later turn, as sockets do. */
function wire(): [Duplex, Duplex] {
  const ends: Duplex[] = [];
  const make = (other: 0 | 1): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk, _encoding, done) => {
        setImmediate(() => {
          ends[other]?.push(chunk);
          done();
        });
      },
    });
  const [here, there] = [make(1), make(0)];
  ends.push(here, there);
  return [here, there];
}

function sent(client: Awaited<ReturnType<TestBroker["connect"]>>, text: string): { readonly acknowledged: boolean } {
  const state = { acknowledged: false };
  client.mqtt.publish(own(OSLO, "tele/cpu"), text, { qos: 1 }, (error) => {
    state.acknowledged = !error;
  });
  return state;
}

test("nothing reaches a host before its CONNACK, and what was said meanwhile comes after it", async () => {
  // Under load more is said while the host is away than a queue of the usual length holds.
  await using site = await new TestBroker({ limits: { queuedMessages: 100_000 } }).start();
  const first = await site.connect(OSLO);
  await first.mqtt.subscribeAsync(own(OSLO, "req/+/+"), { qos: 1 });
  await first.mqtt.endAsync();

  const heard = new Set<string>();
  let [said, returning] = [0, true];
  const talking = (async () => {
    while (returning) await site.broker.publish(own(OSLO, `req/${said++}/identify`), "?", { qos: 1 });
  })();
  for (let count = 0; count < 30; count++) {
    const packets: string[] = [];
    const options = { host: "127.0.0.1", port: site.broker.port, clean: false, reconnectPeriod: 0 };
    // Storing the will is what takes the broker a while between the session and the CONNACK.
    const will = { topic: own(OSLO, "status"), payload: Buffer.from("lost"), qos: 1 as const, retain: true };
    const client = mqtt.connect({ ...options, clientId: OSLO, username: OSLO, password: "hfh_oslo", will });
    client.on("message", (topic) => heard.add(topic));
    client.on("packetreceive", ({ cmd }) => packets.push(cmd));
    await until("its first packet", () => packets.length > 0);
    expect(packets[0]).toBe("connack");
    await client.endAsync();
  }
  returning = false;
  await talking;
  await using last = await site.connect(OSLO);
  last.mqtt.on("message", (topic) => heard.add(topic));
  for (const { topic } of last.got) heard.add(topic);
  await until("everything that was said", () => heard.size === said);
});

test("a host connects, and the site goes on, where an earlier connection's will cannot be removed", async () => {
  await using site = await new TestBroker().start();
  const database = openSqlite(join(site.folder, "broker.db"));
  database.exec("DROP TABLE will");
  database.close();
  await using client = await site.connect(OSLO);
  await client.mqtt.publishAsync(own(OSLO, "status"), "online", { qos: 1 });
  expect(site.said("a will could not be removed")).toMatchObject([{ host: OSLO, error: "no such table: will" }]);
});

test("a disk that does not take what the broker keeps is said until it does", async () => {
  await using site = await new TestBroker({ limits: { databaseBytes: 200_000 } }).start();
  const keep = () => site.broker.publish(own(OSLO, "desired"), Buffer.alloc(250_000), { qos: 1, retain: true });
  await expect(keep()).rejects.toMatchObject({ code: "SQLITE_FULL" });
  expect(site.broker.disk.trouble).toMatchObject({ file: "broker.db", error: "database or disk is full" });
  expect(site.said("the disk takes no writes")).toHaveLength(1);
});
