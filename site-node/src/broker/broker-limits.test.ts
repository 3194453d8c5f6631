import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { BERGEN, closed, connectPacket, OSLO, own, TestBroker, until } from "../testing/test-broker.ts";

test("a host that announces a packet of 10 MB is cut off before it has sent it", async () => {
  await using site = await new TestBroker().start();
  await using client = await site.connect(OSLO);
  await using other = await site.connect(BERGEN);
  // A PUBLISH of 10,000,000 bytes, of which nothing follows: whoever waits for it waits for ever.
  client.mqtt.stream.write(Buffer.from([0x32, 0x80, 0xad, 0xe2, 0x04]));
  await until("cut off", () => closed(client.mqtt));
  const [line] = site.said("a host's connection was ended");
  expect(line).toMatchObject({ host: OSLO, error: expect.stringContaining("at most 262144 are accepted") });
  expect(site.heard).toEqual([]);
  await other.mqtt.publishAsync(own(BERGEN, "hw"), Buffer.alloc(200_000), { qos: 1 });
  expect(site.heard.map(({ from }) => from)).toEqual([BERGEN]);
});

test("a packet length of five bytes ends the connection", async () => {
  await using site = await new TestBroker().start();
  const socket = await site.socket();
  socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]));
  await until("closed", () => closed(socket));
  const [line] = site.said("a connection was ended before it was a host's");
  expect(line).toMatchObject({ error: "a packet's length has more than four bytes" });
});

test("who does not speak MQTT is cut off at the first byte", async () => {
  await using site = await new TestBroker().start();
  const socket = await site.socket();
  socket.write("GET / HTTP/1.1\r\n");
  await until("closed", () => closed(socket));
  const [line] = site.said("a connection was ended before it was a host's");
  expect(line).toMatchObject({ error: "the first packet is no CONNECT" });
});

test("who connects and says nothing is cut off", async () => {
  await using site = await new TestBroker({ limits: { connectTimeout: 50 } }).start();
  const socket = await site.socket();
  await until("closed", () => closed(socket), 2_000);
});

test("who sends half a CONNECT and then nothing is cut off", async () => {
  await using site = await new TestBroker({ limits: { connectTimeout: 50 } }).start();
  const socket = await site.socket();
  socket.write(Buffer.from([0x10, 0x20, 0x00, 0x04]));
  await until("closed", () => closed(socket), 2_000);
});

test("connections beyond the limit are closed, and there is room again when one goes", async () => {
  await using site = await new TestBroker({ limits: { connections: 2, connectionsPerAddress: 9 } }).start();
  const [first, second] = [await site.socket(), await site.socket()];
  const third = await site.socket();
  await until("the third is closed", () => closed(third));
  expect([first.destroyed, second.destroyed]).toEqual([false, false]);
  expect(site.said("a connection was not taken")[0]).toMatchObject({ refused: "too many connections" });
  first.destroy();
  await until("room again", () => site.broker.connected().length === 0);
  await retry(() => site.connect(OSLO));
});

test("connections beyond the limit of one address are closed", async () => {
  await using site = await new TestBroker({ limits: { connectionsPerAddress: 1 } }).start();
  await site.socket();
  const second = await site.socket();
  await until("the second is closed", () => closed(second));
  const [line] = site.said("a connection was not taken");
  expect(line).toMatchObject({ refused: "too many connections from this address", address: "127.0.0.1" });
});

test("a host that falls silent is cut off after one and a half keepalives", async () => {
  await using site = await new TestBroker().start();
  const socket = await site.socket();
  const began = performance.now();
  socket.write(connectPacket(OSLO, "hfh_oslo", 1));
  await until("connected", () => site.broker.connected().length === 1);
  await until("cut off", () => closed(socket), 5_000);
  expect(performance.now() - began).toBeGreaterThan(1_400);
});

test("a reader that stalls hurts only itself", async () => {
  await using site = await new TestBroker({ limits: { drainTimeout: 600_000, unsentBytes: 100_000_000 } }).start();
  await using stalled = await site.connect(OSLO);
  await using healthy = await site.connect(BERGEN);
  await stalled.mqtt.subscribeAsync(own(OSLO, "req/+/+"), { qos: 1 });
  await healthy.mqtt.subscribeAsync(own(BERGEN, "req/+/+"), { qos: 1 });
  stalled.mqtt.stream.pause();
  const payload = Buffer.alloc(100_000);
  for (let i = 0; i < 300; i++) {
    await site.broker.publish(own(OSLO, `req/r${i}/log`), payload, { qos: 0 });
    await site.broker.publish(own(BERGEN, `req/r${i}/log`), "short", { qos: 1 });
  }
  await healthy.mqtt.publishAsync(own(BERGEN, "tele/cpu"), "x", { qos: 1 });
  await until("the healthy one has all", () => healthy.got.length === 300, 15_000);
  // The other is still stalled, and still there: nothing above has waited for its end.
  expect(stalled.got.length).toBeLessThan(300);
  expect(site.broker.connected()).toContain(OSLO);
});

test("a reader that stalls for the drain timeout is cut off", async () => {
  await using site = await new TestBroker({ limits: { drainTimeout: 200, unsentBytes: 100_000_000 } }).start();
  await using stalled = await site.connect(OSLO);
  await stalled.mqtt.subscribeAsync(own(OSLO, "req/+/+"), { qos: 1 });
  stalled.mqtt.stream.pause();
  const payload = Buffer.alloc(100_000);
  for (let i = 0; i < 300; i++) await site.broker.publish(own(OSLO, `req/r${i}/log`), payload, { qos: 0 });
  await until("cut off", () => site.broker.connected().length === 0);
  expect(site.said("a host's connection was ended")[0]).toMatchObject({ host: OSLO, error: "drain timeout" });
});

test("what waits for one reader is bounded: beyond it the connection ends at once", async () => {
  await using site = await new TestBroker({ limits: { drainTimeout: 60_000, unsentBytes: 1_000_000 } }).start();
  await using stalled = await site.connect(OSLO);
  await stalled.mqtt.subscribeAsync(own(OSLO, "req/+/+"), { qos: 1 });
  stalled.mqtt.stream.pause();
  const payload = Buffer.alloc(100_000);
  for (let i = 0; i < 200; i++) await site.broker.publish(own(OSLO, `req/r${i}/log`), payload, { qos: 0 });
  await until("cut off", () => site.broker.connected().length === 0);
  expect(site.said("a host's connection was ended")[0]).toMatchObject({ error: expect.stringMatching(/bytes unread/) });
});

test("a slow handler of one host holds up no other, and keeps that host's order", async () => {
  let release = (): void => undefined;
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  const order: string[] = [];
  await using site = await new TestBroker({
    onUp: async (from, _message, payload) => {
      if (from === OSLO) await slow;
      order.push(`${from} ${payload}`);
    },
  }).start();
  await using oslo = await site.connect(OSLO);
  await using bergen = await site.connect(BERGEN);
  const waiting = ["1", "2", "3"].map((text) => oslo.mqtt.publishAsync(own(OSLO, "tele/cpu"), text, { qos: 1 }));
  await bergen.mqtt.publishAsync(own(BERGEN, "tele/cpu"), "b", { qos: 1 });
  expect(order).toEqual([`${BERGEN} b`]);
  release();
  await Promise.all(waiting);
  expect(order).toEqual([`${BERGEN} b`, `${OSLO} 1`, `${OSLO} 2`, `${OSLO} 3`]);
});

test("a host that says more than is handled is not read until it is", async () => {
  let release = (): void => undefined;
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begun = 0;
  await using site = await new TestBroker({
    limits: { unhandledMessages: 4 },
    onUp: async () => {
      begun++;
      await slow;
    },
  }).start();
  // By a listener of the test's own, to see what the broker reads.
  const sockets: Socket[] = [];
  const listener = createServer((socket) => {
    sockets.push(socket);
    site.broker.attach(socket);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  await using client = await site.connect(OSLO, { port: (listener.address() as AddressInfo).port });
  listener.close();
  const payload = Buffer.alloc(200_000);
  const sent = Array.from({ length: 200 }, () => client.mqtt.publishAsync(own(OSLO, "tele/cpu"), payload, { qos: 1 }));
  const read = () => sockets[0]?.bytesRead ?? 0;
  await steady(read);
  expect(read()).toBeLessThan(10 * payload.length);
  release();
  await Promise.all(sent);
  expect(begun).toBe(200);
});

/** Resolves when a number has not changed for a while. */
async function steady(read: () => number): Promise<void> {
  let [value, since] = [read(), performance.now()];
  await until("it is steady", () => {
    if (read() !== value) [value, since] = [read(), performance.now()];
    return performance.now() - since > 200;
  });
}

async function retry<Value>(attempt: () => Promise<Value>): Promise<Value> {
  for (let left = 50; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

test("heartbeats that cannot be handled are lost without ending the connection or filling the log", async () => {
  const failing = async () => {
    throw new Error("the disk is full");
  };
  await using site = await new TestBroker({ onUp: failing }).start();
  await using client = await site.connect(OSLO);
  for (let beat = 0; beat < 50; beat++) await client.mqtt.publishAsync(own(OSLO, "hb"), String(beat), { qos: 0 });
  await client.mqtt.subscribeAsync(own(OSLO, "desired"));
  expect(client.mqtt.connected).toBe(true);
  expect(site.said("a message of QoS 0 was lost")).toEqual([
    expect.objectContaining({ host: OSLO, message: "heartbeat", error: "the disk is full" }),
  ]);
});
