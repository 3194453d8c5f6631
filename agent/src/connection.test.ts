import { encode } from "@holdfast/protocol/messages";
import { hostTopic } from "@holdfast/protocol/topics";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Connection, startConnection } from "./connection.ts";
import type { Link } from "./link.ts";
import { testLog } from "./testing/agents.ts";
import { manualClock } from "./testing/manual-clock.ts";
import { HOST, SECRET, SITE, startSite, type TestSite } from "./testing/site.ts";
import { until } from "./testing/until.ts";

let site: TestSite;
let open: Connection[];
beforeEach(async () => {
  site = await startSite();
  open = [];
});
afterEach(async () => {
  for (const connection of open) await connection.cut();
  await site.close();
});

function connecting(secret = SECRET) {
  const clock = manualClock();
  const { log, lines } = testLog();
  const heard: string[] = [];
  const ups: Link[] = [];
  const { port } = site.reply().mqtt;
  const connection = startConnection({
    clock,
    log,
    random: () => 0.999_999,
    bootId: "boot-1",
    address: { host: "127.0.0.1", port, siteId: SITE, hostId: HOST, secret },
    onMessage: (leaf) => {
      heard.push(leaf);
      if (leaf === "req/r1/throws") throw new Error("a handler failed");
    },
    onUp: (link) => void ups.push(link),
    onDown: () => undefined,
  });
  open.push(connection);
  const pauses = () => lines.flatMap(({ pause }) => (pause === undefined ? [] : [Number(pause)]));
  return { clock, lines, heard, ups, connection, pauses };
}

test("pauses between tries grow from a second to five minutes", async () => {
  await site.stopBroker();
  const one = connecting();
  await until(
    () => one.pauses().length === 12,
    "twelve tries",
    () => one.clock.advance(60_000),
  );
  expect(one.pauses().slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(one.pauses().at(-1)).toBe(300_000);
});

test("only a link that held for a minute makes the pauses short again", async () => {
  const one = connecting();
  const loseIt = async () => {
    await until(
      () => one.connection.link !== undefined,
      "connected",
      () => one.clock.advance(1_000),
    );
    await site.stopBroker();
    await until(() => one.connection.link === undefined, "the loss is noticed");
    await site.startBroker();
  };
  for (let time = 0; time < 3; time += 1) await loseIt();
  await until(() => one.pauses().length === 3, "each is said");
  expect(one.pauses()).toEqual([1_000, 2_000, 4_000]);

  await until(
    () => one.connection.link !== undefined,
    "connected",
    () => one.clock.advance(1_000),
  );
  await one.clock.advance(61_000);
  await loseIt();
  await until(() => one.pauses().length === 4, "it is said");
  expect(one.pauses()[3]).toBe(1_000);
});

test("a host that is refused asks ten times more slowly than one that finds nobody", async () => {
  const one = connecting("hfa_not-this-one");
  await until(() => one.lines.length === 1, "the refusal is said");
  expect(one.lines[0]).toMatchObject({ level: 50, pause: 10_000 });
});

test("what the site says while the agent is away is heard when it is back", async () => {
  const one = connecting();
  await until(() => one.connection.link !== undefined, "connected");
  await one.connection.cut();
  await until(() => site.connected === 0, "the broker has seen it go");
  await site.say("req/r9/identify", encode("Call", { notAfter: 0 }));
  const two = connecting();
  await until(() => two.heard.includes("req/r9/identify"), "what was said meanwhile");
});

test("a handler that throws is logged, and the next message is heard", async () => {
  const one = connecting();
  await until(() => one.connection.link !== undefined, "connected");
  await site.say("req/r1/throws", encode("Call", { notAfter: 0 }));
  await site.say("req/r2/identify", encode("Call", { notAfter: 0 }));
  await until(() => one.heard.length === 2, "both are heard");
  expect(one.lines).toContainEqual(expect.objectContaining({ level: 50, error: "a handler failed" }));
});

test("what is meant for another host is not taken for this one's", async () => {
  const one = connecting();
  await until(() => one.connection.link !== undefined, "connected");
  const call = encode("Call", { notAfter: 0 });
  await site.sendUnasked(hostTopic(SITE, "host-99999999", "req/r1/identify"), call);
  await site.sendUnasked(hostTopic(SITE, HOST, "req/r2/identify"), call);
  await until(() => one.heard.length > 0, "its own");
  expect(one.heard).toEqual(["req/r2/identify"]);
});

test("a publication that is on its way when the link is lost is rejected, not forgotten", async () => {
  site.admitOnly((leaf) => (leaf === "hw" ? new Error("the broker drops whoever sends this") : undefined));
  const one = connecting();
  await until(() => one.connection.link !== undefined, "connected");
  const [link] = one.ups;
  await expect(link?.publish("hw", "x", { qos: 1 })).rejects.toThrow("the connection was closed");
  await expect(link?.publish("hb", "x", { qos: 0 })).rejects.toThrow("not connected");
});

test("closing in the middle of connecting, or twice, ends", async () => {
  const one = connecting();
  await one.connection.close();
  await one.connection.close();
  expect(one.connection.link).toBeUndefined();
});
