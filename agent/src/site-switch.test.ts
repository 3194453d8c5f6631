import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { arrivalProof } from "@holdfast/protocol/enrolment";
import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { hashSecret } from "@holdfast/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testAgent } from "./testing/agents.ts";
import { HOST, SECRET, SITE, startSite, type TestSite } from "./testing/site.ts";
import { until } from "./testing/until.ts";

const OTHER = "site-00000002";

const PROOF = arrivalProof(hashSecret(SECRET), { hostId: HOST, siteId: OTHER });

let site: TestSite;
let other: TestSite;
beforeEach(async () => {
  [site, other] = [await startSite(), await startSite(OTHER)];
});
afterEach(() => Promise.all([site.close(), other.close()]));

/** Where a site answers. */
const at = (where: TestSite) => ({ siteUrl: where.url, mqttPort: where.reply().mqtt.port });

type One = ReturnType<typeof testAgent>;
const enrolmentOf = (one: One) => JSON.parse(readFileSync(join(one.stateDir, "enrolment.json"), "utf8"));
const logged = (one: One, part: string) => one.log.lines.filter(({ msg }) => String(msg).includes(part));

/** An agent that was enrolled at the one site and is started again where the other answers. */
async function carried(): Promise<One> {
  const one = testAgent(site);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "enrolled and reported");
  await one.agent.close();
  return one;
}

test("a machine carried to another site shows up there, and is at home once that site says so (rule 14)", async () => {
  await using one = await carried();
  other.setSecret("hfa_not-known-here-yet");
  const moved = one.again({}, at(other));
  await moved.start();
  const on = () => one.clock.advance(10_000);
  await until(() => other.arrivals.length >= 2, "it shows up, and again", on);
  expect(other.arrivals[0]).toEqual({
    hostId: HOST,
    proof: PROOF,
    nonce: expect.stringMatching(/^[0-9a-f]{32}$/),
    machine: site.asked[0]?.machine,
    serialNumber: "SN-0042",
    uuid: "4c4c4544-0042-3010-8051-b4c04f4a3132",
  });
  expect(logged(one, "shows it to its operators as misplaced")).toHaveLength(1);
  expect(enrolmentOf(one).siteId).toBe(SITE);

  expect(other.presented).toEqual([]);

  other.setSecret(SECRET);
  other.welcomeIf(({ proof }) => proof === PROOF);
  await until(() => moved.status.session !== undefined, "it is let in", on);
  expect(enrolmentOf(one)).toMatchObject({ siteId: OTHER, hostId: HOST, secret: SECRET, siteUrl: other.url });
  await until(() => other.of("hw").length === 1, "its new site gets its hardware", on);
  expect([...site.asked, ...other.asked]).toHaveLength(1);

  await moved.close();
  const again = one.again({}, at(other));
  await again.start();
  await until(() => again.status.session !== undefined, "at home after a restart too");
  expect(other.statuses().at(-1)).toMatchObject({ state: "online" });
});

test("a site that says welcome and does not know the machine is not believed, and is never shown its secret", async () => {
  await using one = await carried();
  // It answers to everybody, as one that lies in wait would.
  other.setSecret("hfa_guessed");
  other.welcomeIf(() => true);
  const moved = one.again({}, at(other));
  await moved.start();
  await until(
    () => other.arrivals.length >= 2,
    "it asks, and again",
    () => one.clock.advance(10_000),
  );
  expect(logged(one, "no word on where this machine belongs")[0]?.reason).toMatch(/cannot prove/);
  expect(enrolmentOf(one).siteId).toBe(SITE);
  expect(other.presented).toEqual([]);
  const nonces = new Set(other.arrivals.map(({ nonce }) => nonce));
  expect(nonces.size).toBe(other.arrivals.length);
  for (const told of [SECRET, hashSecret(SECRET)]) expect(JSON.stringify(other.arrivals)).not.toContain(told);
});

test("what a machine had not sent when it was carried away, its next site gets", async () => {
  const sources = { load: async () => ({ "cpu.load_percent": 7 }) };
  await using one = testAgent(site, { telemetrySeconds: 60 }, { sources });
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "enrolled and reported");
  await site.stopBroker();
  await until(() => one.agent.status.session === undefined, "cut off");
  await one.clock.advance(60_000);
  await until(() => one.agent.status.unsent.messages === 1, "something to send");
  await one.agent.cut();
  other.welcomeIf(() => true);
  const moved = one.again({}, at(other));
  await moved.start();
  await until(
    () => other.of("tele/system").length === 1,
    "it arrives",
    () => one.clock.advance(1_000),
  );
});

test("a site that refuses the secret of its own host, having lost its disk, is tried until it knows it again", async () => {
  await using one = await carried();
  site.setSecret("hfa_forgotten");
  const second = one.again();
  await second.start();
  const on = () => one.clock.advance(10_000);
  await until(() => site.arrivals.length >= 3, "it asks, and again", on);
  expect(existsSync(join(one.stateDir, "enrolment.json"))).toBe(true);
  expect(site.asked).toHaveLength(1);
  site.setSecret(SECRET);
  await until(() => second.status.session !== undefined, "let in", on);
});

test("two sites that answer in turn at one address do not take a machine from one another", async () => {
  await using one = await carried();
  // Both know the address, one manages the machine; whichever answers, it stays that site's.
  other.setSecret("hfa_not-of-this-site");
  const there = one.again({}, at(other));
  await there.start();
  await until(
    () => other.arrivals.length >= 2,
    "the other site answers",
    () => one.clock.advance(10_000),
  );
  await there.close();
  const here = one.again();
  await here.start();
  await until(() => here.status.session !== undefined, "its own site lets it in as ever");
  expect(enrolmentOf(one).siteId).toBe(SITE);
});

test.each([
  ["older", PROTOCOL_VERSION - 1, "newest known here"],
  ["so new that it serves this agent no more", PROTOCOL_VERSION + 4, "oldest served here"],
])(
  "a site that is %s is told apart from a broken link, and tried rarely (rule 23)",
  async (_what, protocol, reason) => {
    await site.sayItself(protocol);
    await using one = testAgent(site);
    await one.agent.start();
    await until(() => logged(one, "do not speak the same protocol").length === 1, "it says so");
    expect(logged(one, "do not speak the same protocol")[0]).toMatchObject({
      level: 50,
      reason: expect.stringContaining(reason),
    });
    const tries = () => site.statuses().length;
    const before = tries();
    await one.clock.advance(100_000);
    expect(tries()).toBe(before);
    await site.sayItself(PROTOCOL_VERSION);
    await until(
      () => one.agent.status.session !== undefined,
      "served after an upgrade",
      () => one.clock.advance(60_000),
    );
  },
);

test("an agent of an older protocol is served by a newer site, up to three versions on (rule 23)", async () => {
  await site.sayItself(PROTOCOL_VERSION + 2);
  await using one = testAgent(site, {}, { protocolVersion: PROTOCOL_VERSION - 1 });
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "served");
  expect(site.statuses().at(-1)).toMatchObject({ protocol: PROTOCOL_VERSION - 1 });
  expect(site.asked[0]).toMatchObject({ protocol: PROTOCOL_VERSION - 1 });
});
