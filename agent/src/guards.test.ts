import { encode } from "@holdfast/protocol/messages";
import { afterEach, beforeEach, expect, test } from "vitest";
import { reportOf, testAgent } from "./testing/agents.ts";
import { startSite, type TestSite } from "./testing/site.ts";
import { until } from "./testing/until.ts";

let site: TestSite;
beforeEach(async () => {
  site = await startSite();
});
afterEach(() => site.close());

const CALL = encode("Call", { notAfter: Date.UTC(2030, 0) });

test("a job or a call whose id cannot be part of a topic is not answered, and the next one is", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  const job = { type: "reboot", arguments: "{}", notAfter: 0, signature: new Uint8Array() };
  await site.say("jobs/next", encode("Job", { ...job, id: "a b" }));
  await site.say("req/a b/identify", CALL);
  await site.say("jobs/next", encode("Job", { ...job, id: "good" }));
  await site.say("req/good/identify", CALL);
  await until(() => site.of("jobs/good/status").length === 1 && site.of("res/good").length === 1, "the good ones");
  expect(site.arrived.filter(({ leaf }) => leaf.includes("a b"))).toEqual([]);
});

test("malformed jobs and documents are logged, and calls, heartbeats and reports go on", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  const { session } = one.agent.status;
  for (const leaf of ["jobs/next", "desired"]) await site.say(leaf, Uint8Array.from([0xff, 0xff, 0xff]), true);
  await site.say("req/r1/rescan", CALL);
  await until(() => site.of("res/r1").length === 1, "the answer");
  expect(one.log.lines.filter(({ level }) => level === 50)).toHaveLength(2);
  expect(one.agent.status.session).toBe(session);
});

test("a desired document changes the pace of the heartbeats, also after a restart", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "connected and reported");
  await site.desire({ version: { incarnation: 1, counter: 1 }, heartbeatSeconds: 60 });
  await until(() => site.of("reported").length === 1, "it is applied");
  expect(site.messages("Reported", "reported")[0]).toMatchObject({ state: "APPLIED", generation: 1 });
  expect(site.of("reported")[0]).toMatchObject({ retain: true, qos: 1 });
  const applied = () => site.messages("Heartbeat", "hb").filter((beat) => beat.applied?.counter === 1).length;
  await until(() => applied() === 1, "a heartbeat tells it at once");
  await one.clock.advance(59_000);
  expect(applied()).toBe(1);
  await one.clock.advance(1_000);
  await until(() => applied() === 2, "the next one a minute later");

  await one.agent.close();
  const second = one.again();
  await second.start();
  await until(() => applied() === 3, "the first one after the restart");
  await one.clock.advance(59_000);
  expect(applied()).toBe(3);
});

test("readings of the hardware that hang are left behind, and never more than two of them", async () => {
  let readings = 0;
  let hangs = false;
  const readHardware = async () => {
    readings += 1;
    return hangs ? new Promise<never>(() => undefined) : reportOf(1_024);
  };
  await using one = testAgent(site, {}, { readHardware });
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "connected and reported");
  hangs = true;
  const before = readings;
  for (let minute = 0; minute < 10; minute += 1) await one.clock.advance(60_000);
  expect(readings - before).toBe(2);
  await site.say("req/r1/rescan", CALL);
  await until(() => site.of("res/r1").length === 1, "a sentence instead of silence");
  expect(site.messages("CallResult", "res/r1")[0]).toMatchObject({ ok: false, error: expect.stringContaining("hang") });
  expect(one.agent.status.healthy).toBe(true);
});

test("a measurement that hangs is left out, and the others are sent", async () => {
  const sources = { stuck: () => new Promise<never>(() => undefined), load: async () => ({ "cpu.load_percent": 7 }) };
  await using one = testAgent(site, { telemetrySeconds: 60 }, { sources });
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "connected and reported");
  await one.clock.advance(66_000);
  await until(() => site.of("tele/system").length === 1, "the measurement");
  expect(site.messages("Telemetry", "tele/system")[0]?.points[0]?.values).toEqual({ "cpu.load_percent": 7 });
});

test("a hundred measurements without the site share two messages, and all arrive when it is back", async () => {
  let measured = 0;
  const sources = { count: async () => ({ count: ++measured }) };
  await using one = testAgent(site, { telemetrySeconds: 60 }, { sources });
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "connected and reported");
  await site.stopBroker();
  await until(() => one.agent.status.session === undefined, "the loss is noticed");
  await one.clock.advance(6_000_000);
  expect(measured).toBe(100);
  expect(one.agent.status.unsent.messages).toBe(2);
  await site.startBroker();
  const arrived = () => site.messages("Telemetry", "tele/system").flatMap(({ points }) => points);
  await until(
    () => arrived().length >= 100,
    "all of them",
    () => one.clock.advance(1_000),
  );
  expect(new Set(arrived().map(({ values }) => values.count)).size).toBeGreaterThanOrEqual(100);
});

test("an unhealthy agent is one whose heartbeat no longer turns, not one without a site", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  await site.stopBroker();
  await one.clock.advance(3_600_000);
  expect(one.agent.status).toMatchObject({ session: undefined, healthy: true });
  await one.agent.close();
  expect(one.agent.status.healthy).toBe(false);
});

test("closing does not wait for a reading or a measurement that hangs", async () => {
  const forever = () => new Promise<never>(() => undefined);
  let readings = 0;
  const readHardware = async () => {
    readings += 1;
    return readings > 1 ? forever() : reportOf(1_024);
  };
  let measures = 0;
  const stuck = () => {
    measures += 1;
    return forever();
  };
  await using one = testAgent(site, { telemetrySeconds: 30 }, { readHardware, sources: { stuck } });
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  await one.clock.advance(30_000);
  expect([readings, measures]).toEqual([2, 1]);
  await one.agent.close();
  expect(one.agent.status.session).toBeUndefined();
});
