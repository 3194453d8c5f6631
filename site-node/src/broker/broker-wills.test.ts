import { expect, test, vi } from "vitest";
import { graceAfter } from "../hosts/liveness.ts";
import { BERGEN, type Heard, OSLO, own, TestBroker, until } from "../testing/test-broker.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const will = (session: string) =>
  ({ topic: own(OSLO, "status"), payload: Buffer.from(session), qos: 1, retain: true }) as const;
const wills = (site: TestBroker): string[] => site.heard.filter(lost).map(({ text }) => text);
const lost = ({ packet }: Heard): boolean => packet.will;

test("a host that is cut off leaves its will, with the site and as its retained status", async () => {
  await using site = await new TestBroker().start();
  const client = await site.connect(OSLO, { will: will("lost, session 1") });
  client.mqtt.stream.destroy();
  await until("the will", () => wills(site).length === 1);
  expect(site.heard).toEqual([
    { from: OSLO, message: { is: "status" }, text: "lost, session 1", packet: { retain: true, qos: 1, will: true } },
  ]);
  await until("retained", () => site.retained(own(OSLO, "status")) === "lost, session 1");
});

test("a host that says goodbye leaves no will", async () => {
  await using site = await new TestBroker().start();
  const client = await site.connect(OSLO, { will: will("lost, session 1") });
  await client.mqtt.endAsync();
  await until("gone", () => site.broker.connected().length === 0);
  await using _next = await site.connect(BERGEN);
  expect(wills(site)).toEqual([]);
});

test("a second connection takes over: the first one's will comes before anything the second says", async () => {
  await using site = await new TestBroker().start();
  const first = await site.connect(OSLO, { will: will("lost, session 1") });
  await using second = await site.connect(OSLO, { will: will("lost, session 2") });
  await second.mqtt.publishAsync(own(OSLO, "status"), "online, session 2", { qos: 1, retain: true });
  await until("the first is gone", () => first.mqtt.stream.destroyed);
  expect(site.broker.connected()).toEqual([OSLO]);
  expect(site.heard.map(({ text }) => text)).toEqual(["lost, session 1", "online, session 2"]);
  await until("the first will is dealt with", () => site.rows("will") === 1);
  expect(site.retained(own(OSLO, "status"))).toBe("online, session 2");
});

test("after a takeover the newer will is the one that is kept, also over a restart", async () => {
  await using site = await new TestBroker({ limits: { heartbeatInterval: 50 } }).start();
  await site.connect(OSLO, { will: will("lost, session 1") });
  const second = await site.connect(OSLO, { will: will("lost, session 2") });
  await until("the first will", () => wills(site).length === 1);
  // Time for aedes to drop the first one's stored will, which it does by client id alone.
  await second.mqtt.publishAsync(own(OSLO, "hb"), "x", { qos: 1 });
  await site.restart();
  await until("the second will", () => wills(site).length === 2);
  expect(wills(site)).toEqual(["lost, session 1", "lost, session 2"]);
});

test("takeovers in quick succession leave one session, which hears and is heard", async () => {
  await using site = await new TestBroker().start();
  const attempts = Array.from({ length: 8 }, () => site.connect(OSLO, { will: will("lost") }).catch(() => undefined));
  const clients = (await Promise.all(attempts)).filter((client) => client !== undefined);
  const live = () => clients.filter(({ mqtt }) => mqtt.connected && !mqtt.stream.destroyed);
  await until("one is left", () => live().length === 1);
  expect(site.broker.connected()).toEqual([OSLO]);
  const [last] = live();
  if (!last) throw new Error("none is left");
  await last.mqtt.subscribeAsync(own(OSLO, "desired"), { qos: 1 });
  await site.broker.publish(own(OSLO, "desired"), "7", { qos: 1 });
  await until("it hears", () => last.got.length === 1);
  await site.broker.disconnect(OSLO, "the test is over");
  await until("gone", () => live().length === 0);
  expect(site.broker.connected()).toEqual([]);
});

test("the broker's stop is not the hosts' death; who does not come back after the start is lost then", async () => {
  await using site = await new TestBroker({ limits: { heartbeatInterval: 100 } }).start();
  await site.connect(OSLO, { will: will("oslo is lost") });
  await site.connect(BERGEN, { will: { ...will("bergen is lost"), topic: own(BERGEN, "status") } });
  await site.restart();
  await using _back = await site.connect(BERGEN);
  expect(wills(site)).toEqual([]);
  await until("the will of who is missing", () => wills(site).length === 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(wills(site)).toEqual(["oslo is lost"]);
});

test("a site's clock that jumps makes no connected host lost", async () => {
  await using site = await new TestBroker({ limits: { heartbeatInterval: 20 } }).start();
  await using _client = await site.connect(OSLO, { will: will("lost") });
  // aedes measures with it when a broker was last heard, itself included; now each look is an hour after the one before.
  let looks = 0;
  const now = vi.spyOn(Date, "now").mockImplementation(() => ++looks * 3_600_000);
  try {
    await until("aedes has looked for wills left behind", () => looks > 50);
  } finally {
    now.mockRestore();
  }
  expect(wills(site)).toEqual([]);
  expect(site.rows("will")).toBe(1);
});

test("the wills of a former process wait until every host has had the time to come back", () => {
  expect(4 * DEFAULT_LIMITS.heartbeatInterval).toBeGreaterThanOrEqual(graceAfter(Number.POSITIVE_INFINITY));
});

test("a will is handled after all that its host has said, and a will that was heard is not heard again", async () => {
  await using site = await new TestBroker({ limits: { heartbeatInterval: 50 } }).start();
  const client = await site.connect(OSLO, { will: will("lost") });
  for (let i = 0; i < 20; i++) client.mqtt.publish(own(OSLO, "tele/cpu"), String(i), { qos: 1 });
  await until("some of it", () => site.heard.length > 0);
  client.mqtt.stream.destroy();
  await until("the will", () => wills(site).length === 1);
  expect(site.heard.at(-1)?.packet.will).toBe(true);
  await until("it is stored no more", () => site.rows("will") === 0);
  await site.restart();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(wills(site)).toEqual(["lost"]);
});

test("a forgotten host's last words are forgotten with it, even if the site was still taking them", async () => {
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  let begun = false;
  const onUp = () => {
    begun = true;
    return taken;
  };
  await using site = await new TestBroker({ onUp }).start();
  const client = await site.connect(OSLO, { will: will("lost") });
  client.mqtt.stream.destroy();
  await until("the will is being taken", () => begun);
  const forgetting = site.broker.forget(OSLO);
  await new Promise((resolve) => setTimeout(resolve, 50));
  take();
  await forgetting;
  await site.broker.close();
  expect(site.retained(own(OSLO, "status"))).toBeUndefined();
});
