import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { afterEach, beforeEach, expect, test } from "vitest";
import { enrol } from "./enrol.ts";
import { reportOf, TOKEN, temporaryDirectory, testLog } from "./testing/agents.ts";
import { manualClock } from "./testing/manual-clock.ts";
import { HOST, startSite, type TestSite } from "./testing/site.ts";
import { until } from "./testing/until.ts";

let site: TestSite;
let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(async () => {
  directory = temporaryDirectory();
  site = await startSite();
});
afterEach(async () => {
  await site.close();
  directory[Symbol.dispose]();
});

function asking(random = 0.999) {
  const tokenFile = join(directory.path, "token");
  writeFileSync(tokenFile, `${TOKEN}\n`);
  const clock = manualClock();
  const { log, lines } = testLog();
  const stop = new AbortController();
  const options = {
    clock,
    log,
    random: () => random,
    siteUrl: site.url,
    tokenFile,
    machine: "7f3c1a52-0000-4000-8000-000000000001",
    protocolVersion: PROTOCOL_VERSION,
    report: () => reportOf(1_024),
  };
  return { tokenFile, clock, lines, stop, options, begin: () => enrol(options, stop.signal) };
}

test.each([401, 404, 429, 500, 503])(
  "asks again soon when the site answers %i, which may pass by itself",
  async (status) => {
    const one = asking();
    site.answerWith(() => ({ status, body: { message: "not yet" } }));
    const done = one.begin();
    await until(() => site.asked.length === 1, "asked once");
    await until(() => one.lines.length === 1, "it is said");
    expect(one.lines[0]).toMatchObject({ level: 40, reason: `${status}: not yet` });
    await one.clock.advance(2_000);
    await until(() => site.asked.length === 2, "asked again within two seconds");
    site.answerWith(() => ({ status: 200, body: site.reply() }));
    await until(
      () => site.asked.length === 3,
      "asked a third time",
      () => one.clock.advance(500),
    );
    expect(await done).toMatchObject({ hostId: HOST, siteUrl: site.url });
    expect(new Set(site.asked.map(({ machine }) => machine)).size).toBe(1);
  },
);

test.each([400, 403, 409, 426])("says what the site says and asks slowly when it answers %i", async (status) => {
  const one = asking();
  site.answerWith(() => ({ status, body: { message: "upgrade the agent" } }));
  const done = one.begin();
  await until(() => one.lines.length === 1, "it is said");
  expect(one.lines[0]).toMatchObject({ level: 50, reason: `${status}: upgrade the agent` });
  await one.clock.advance(299_000);
  expect(site.asked).toHaveLength(1);
  site.answerWith(() => ({ status: 200, body: site.reply() }));
  await one.clock.advance(1_000);
  expect(await done).toMatchObject({ hostId: HOST });
});

test("a site that is not there yet is asked every two seconds at first, and every minute later", async () => {
  const one = asking();
  one.options.siteUrl = "http://127.0.0.1:1";
  const done = one.begin();
  const pauses = () => one.lines.map(({ pause }) => Number(pause));
  await until(
    () => pauses().length === 10,
    "ten tries",
    () => one.clock.advance(1_000),
  );
  expect(Math.max(...pauses())).toBeLessThanOrEqual(2_000);
  await until(
    () => pauses().length === 14,
    "more tries",
    () => one.clock.advance(30_000),
  );
  expect(Math.max(...pauses())).toBeGreaterThan(50_000);
  one.stop.abort(new Error("stopped"));
  await expect(done).rejects.toThrow("stopped");
});

test("an answer that is not one of a site, or names no usable host, admits nobody", async () => {
  const one = asking();
  const done = one.begin();
  const answers = [{ hello: 1 }, { ...site.reply(), hostId: "host/+/#" }, { ...site.reply(), mqtt: { port: 0 } }];
  site.answerWith(() => ({ status: 200, body: answers.shift() ?? site.reply() }));
  await until(
    () => one.lines.length >= 3,
    "each is said",
    () => one.clock.advance(500),
  );
  expect(new Set(one.lines.map(({ reason }) => reason))).toEqual(
    new Set(["200: the answer is not one of a Holdfast site"]),
  );
  await one.clock.advance(2_000);
  expect(await done).toMatchObject({ hostId: HOST });
});

test("the token file is read at each try, so that it may come later", async () => {
  const one = asking();
  writeFileSync(one.tokenFile, "");
  site.answerWith(({ token }) =>
    token === TOKEN ? { status: 200, body: site.reply() } : { status: 401, body: { message: "no token" } },
  );
  const done = one.begin();
  await until(() => one.lines.length === 1, "it is said");
  writeFileSync(one.tokenFile, TOKEN);
  await one.clock.advance(2_000);
  expect(await done).toMatchObject({ hostId: HOST });
});

test("an answer without an end does not fill the memory", async () => {
  const one = asking();
  site.answerWith(() => ({ status: 200, body: { ...site.reply(), padding: "x".repeat(100_000) } }));
  const done = one.begin();
  await until(() => one.lines.length === 1, "it is said");
  expect(one.lines[0]).toMatchObject({ reason: "an answer of more than 65536 bytes" });
  one.stop.abort(new Error("stopped"));
  await expect(done).rejects.toThrow("stopped");
});

test("a serial number or UUID that no site accepts is left out, and the machine asks all the same", async () => {
  const one = asking();
  const report = reportOf(1_024);
  one.options.report = () => ({
    ...report,
    system: { serialNumber: "S".repeat(65), uuid: "FFFF", uuidDerived: false },
  });
  expect(await one.begin()).toMatchObject({ hostId: HOST });
  expect(site.asked[0]).not.toHaveProperty("serialNumber");
  expect(site.asked[0]).not.toHaveProperty("uuid");
  expect(site.asked[0]).toMatchObject({ uuidDerived: false, hostname: "edge-one" });
});
