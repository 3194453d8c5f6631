import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { encode } from "@holdfast/protocol/messages";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TOKEN, testAgent } from "./testing/agents.ts";
import { HOST, startSite, type TestSite } from "./testing/site.ts";
import { until } from "./testing/until.ts";

let site: TestSite;
beforeEach(async () => {
  site = await startSite();
});
afterEach(() => site.close());

test("a machine enrols with its serial number and UUID, connects, and its first report arrives retained", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => site.of("hw").length === 1, "the first report");

  expect(site.asked).toEqual([
    expect.objectContaining({
      token: TOKEN,
      serialNumber: "SN-0042",
      uuid: "4c4c4544-0042-3010-8051-b4c04f4a3132",
      hostname: "edge-one",
      protocol: PROTOCOL_VERSION,
    }),
  ]);
  expect(site.of("hw")[0]).toMatchObject({ retain: true, qos: 1 });
  expect(site.messages("HardwareReport", "hw")[0]).toMatchObject({ memory: { bytes: 1_024 } });
  expect(site.statuses()).toEqual([
    expect.objectContaining({ state: "online", bootId: "boot-1", session: one.agent.status.session }),
  ]);
  await until(() => one.agent.status.reportHash !== "", "the acknowledgement");
  expect(one.agent.status).toMatchObject({ hostId: HOST, unsent: { messages: 0 }, healthy: true });
});

test("after a restart nothing is enrolled or reported again", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "the report has arrived");
  await one.agent.close();

  const second = one.again();
  await second.start();
  await until(() => second.status.session !== undefined && one.readings >= 2, "connected and read again");
  await one.clock.advance(180_000);
  expect(one.readings).toBeGreaterThanOrEqual(4);
  expect(site.of("hw")).toHaveLength(1);
  expect(site.asked).toHaveLength(1);
});

test("a new enrolment is sent the report again, though it has not changed", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "the report has arrived");
  await one.agent.close();
  const { rmSync } = await import("node:fs");
  rmSync(`${one.stateDir}/enrolment.json`);
  site.setSecret("hfa_another-secret-of-this-host");

  await one.again().start();
  await until(() => site.of("hw").length === 2, "the report, again");
  expect(site.asked).toHaveLength(2);
  expect(site.asked[1]?.machine).toBe(site.asked[0]?.machine);
});

test("changed hardware is reported at the next look, unchanged hardware once a day", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "the first report");
  one.memory = 2_048;
  await one.clock.advance(60_000);
  await until(() => site.of("hw").length === 2, "the changed report");
  expect(site.messages("HardwareReport", "hw")[1]).toMatchObject({ memory: { bytes: 2_048 } });

  await until(() => one.agent.status.unsent.messages === 0, "the acknowledgement");
  one.clock.jump(one.clock.now() + 23 * 3_600_000);
  await one.clock.advance(60_000);
  expect(site.of("hw")).toHaveLength(2);
  one.clock.jump(one.clock.now() + 3_600_000);
  await one.clock.advance(60_000);
  await until(() => site.of("hw").length === 3, "the daily report");
});

test("hardware that changed and changed back before it could be told leaves the site with what is true", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "the first report");
  await site.stopBroker();
  await until(() => one.agent.status.session === undefined, "the loss is noticed");
  one.memory = 2_048;
  await one.agent.rescan();
  one.memory = 1_024;
  await one.clock.advance(60_000);
  await site.startBroker();
  await until(
    () => site.of("hw").length === 2,
    "the report after the outage",
    () => one.clock.advance(1_000),
  );
  await until(() => one.agent.status.unsent.messages === 0, "all is sent");
  expect(site.messages("HardwareReport", "hw").map((report) => report.memory?.bytes)).toEqual([1_024, 1_024]);
});

test("the agent comes back after its broker was restarted, in a new session", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  const before = one.agent.status.session;
  await site.stopBroker();
  await until(() => one.agent.status.session === undefined, "the loss is noticed");
  await one.clock.advance(30_000);
  expect(one.agent.status).toMatchObject({ session: undefined, healthy: true });

  await site.startBroker();
  await until(
    () => one.agent.status.session !== undefined,
    "connected again",
    () => one.clock.advance(1_000),
  );
  expect(one.agent.status.session).not.toBe(before);
  expect(site.statuses().at(-1)).toMatchObject({ state: "online", session: one.agent.status.session });
});

test("a broker that is at another port since its site restarted is found there", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  await site.stopBroker();
  await until(() => one.agent.status.session === undefined, "the loss is noticed");
  site.forgetPort();
  await site.startBroker();
  await until(
    () => one.agent.status.session !== undefined,
    "connected again",
    () => one.clock.advance(1_000),
  );
});

test("an agent without power is lost, by its will, in the session that was online", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  const { session } = one.agent.status;
  await one.agent.cut();
  await until(() => site.statuses().length === 2, "the will");
  expect(site.statuses()[1]).toMatchObject({ state: "lost", session, bootId: "boot-1" });
  expect(site.of("status")[1]).toMatchObject({ retain: true });
});

test("an agent that is stopped says so, and its will is not published", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  await one.agent.close();
  await until(() => site.connected === 0, "the broker has seen it go");
  expect(site.statuses().map(({ state }) => state)).toEqual(["online", "offline"]);
});

test("heartbeats come every ten seconds by the agent's clock, with session, sequence, report and version", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "the report has arrived");
  await until(() => site.of("hb").length > 0, "the first heartbeat");
  const first = site.of("hb").length;
  await one.clock.advance(100_000);
  await until(() => site.of("hb").length === first + 10, "ten more");
  const beats = site.messages("Heartbeat", "hb");
  expect(beats.map(({ sequence }) => sequence)).toEqual(beats.map((_, index) => index + 1));
  expect(beats.at(-1)).toMatchObject({
    session: one.agent.status.session,
    reportHash: one.agent.status.reportHash,
    uptimeSeconds: expect.any(Number),
  });
  expect(site.of("hb").every(({ qos, retain }) => qos === 0 && !retain)).toBe(true);
});

test("pauses between heartbeats differ by up to a tenth", async () => {
  const given = [0, 0.999];
  await using one = testAgent(site, {}, { random: () => given[0] ?? 0 });
  await one.agent.start();
  await until(() => site.of("hb").length > 0, "the first heartbeat");
  await one.clock.advance(1);
  const first = site.of("hb").length;
  await one.clock.advance(89_999);
  await until(() => site.of("hb").length === first + 10, "ten in ninety seconds");
  given.shift();
  await one.clock.advance(9_000);
  const next = site.of("hb").length;
  await one.clock.advance(109_990);
  await until(() => site.of("hb").length === next + 10, "ten in a hundred and ten");
});

test("a secret that the site refuses is said once as an error, and the identity stays", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  await one.agent.close();
  site.setSecret("hfa_the-site-has-forgotten");

  const second = one.again();
  await second.start();
  const refusals = () => one.log.lines.filter(({ msg }) => String(msg).includes("refuses this host's secret"));
  await until(() => refusals().length === 1, "the refusal is logged");
  for (let minute = 0; minute < 30; minute += 1) await one.clock.advance(60_000);
  expect(refusals()).toHaveLength(1);
  expect(refusals()[0]).toMatchObject({ level: 50 });
  expect(site.asked).toHaveLength(1);

  site.setSecret("hfa_the-secret-of-this-host");
  await until(
    () => second.status.session !== undefined,
    "let in again",
    () => one.clock.advance(60_000),
  );
});

test("an agent that is neither enrolled nor has a token file says which setting it needs", async () => {
  await using one = testAgent(site, { enrolTokenFile: undefined } as never);
  await expect(one.agent.start()).rejects.toThrow("--enrol-token-file is needed");
});

test("a second agent on the same state directory is refused, and may follow when the first has stopped", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  const second = one.again();
  await expect(second.start()).rejects.toThrow("is in use by another agent");
  await one.agent.close();
  await second.start();
  await until(() => second.status.session !== undefined, "connected");
});

test("an agent whose disk is full says so, goes on beating, and does what it could not when there is room again", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "the first report is acknowledged");
  const full = ["applied.json.tmp", "spool/0000000000000002.message.tmp"].map((name) => join(one.stateDir, name));
  for (const path of full) symlinkSync("/dev/full", path);
  await site.desire({ version: { incarnation: 1, counter: 1 } });
  const refusals = () => one.log.lines.filter(({ error }) => String(error).includes("ENOSPC"));
  await until(() => refusals().length === 2, "it says so, of the document and of its answer");
  await until(
    () => site.of("hb").length > 2,
    "heartbeats",
    () => one.clock.advance(1_000),
  );
  await until(
    () => site.messages("Reported", "reported").at(-1)?.state === "APPLIED",
    "it is applied",
    () => one.clock.advance(10_000),
  );
});

test("measurements while the site is away arrive when it is back", async () => {
  let measured = 0;
  const sources = { load: async () => ({ "cpu.load_percent": ++measured, "cpu.unknown": Number.NaN }) };
  await using one = testAgent(site, { telemetrySeconds: 60 }, { sources });
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "connected and reported");
  await one.clock.advance(60_000);
  await until(() => site.of("tele/system").length === 1, "a live measurement");
  expect(site.of("tele/system")[0]).toMatchObject({ qos: 0, retain: false });

  await site.stopBroker();
  await until(() => one.agent.status.session === undefined, "the loss is noticed");
  await one.clock.advance(180_000);
  expect(one.agent.status.unsent.messages).toBe(1);
  await one.agent.cut();
  const second = one.again();
  await site.startBroker();
  await second.start();
  await until(() => site.of("tele/system").length === 2, "what was kept");
  const [live, kept] = site.messages("Telemetry", "tele/system");
  expect(live?.points[0]?.values).toEqual({ "cpu.load_percent": 1 });
  expect(kept?.points.map((point) => point.values["cpu.load_percent"])).toEqual([2, 3, 4]);
});

test("what an empty retained job means: nothing is pending, and nothing is answered", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  await site.say("jobs/next", new Uint8Array());
  await site.say("jobs/next", encode("Job", job("job-1")), true);
  await until(() => site.of("jobs/job-1/status").length === 1, "the answer to the job after it");
  expect(site.arrived.filter(({ leaf }) => leaf.startsWith("jobs/"))).toHaveLength(1);
  expect(one.log.lines.filter(({ level }) => level === 50)).toEqual([]);
});

test("a job is rejected once with a reason, however often it comes and across restarts", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  await site.say("jobs/next", encode("Job", job("job-7")), true);
  await until(() => site.of("jobs/job-7/status").length === 1, "the answer");
  expect(site.messages("JobStatus", "jobs/job-7/status")[0]).toMatchObject({
    id: "job-7",
    state: "REJECTED",
    error: expect.stringContaining("not signed by the site"),
  });
  await until(() => one.agent.status.unsent.messages === 0, "acknowledged");
  await one.agent.close();
  const second = one.again();
  await second.start();
  await until(() => second.status.session !== undefined, "connected again");
  await site.say("jobs/next", encode("Job", job("job-8")), true);
  await until(() => site.of("jobs/job-8/status").length === 1, "the answer to the next job");
  expect(site.of("jobs/job-7/status")).toHaveLength(1);
});

function job(id: string) {
  return { id, type: "reboot", arguments: "{}", notAfter: 0, signature: new Uint8Array() };
}

test("a heartbeat names the report that is on its way already, so that the site does not ask for it again", async () => {
  await using one = testAgent(site);
  await one.agent.start();
  await until(() => site.of("hb").length > 0, "the first heartbeat");
  const [report] = site.messages("HardwareReport", "hw");
  expect(site.messages("Heartbeat", "hb")[0]?.reportHash).toBe(report?.hash);
});
