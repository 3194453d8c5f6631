import { type CallResult, decode, encode } from "@holdfast/protocol/messages";
import { silentLog, systemClock } from "@holdfast/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCalls } from "./calls.ts";
import type { Link } from "./link.ts";
import { createLogTail } from "./log-tail.ts";
import { testAgent } from "./testing/agents.ts";
import { HOST, startSite, type TestSite } from "./testing/site.ts";
import { until } from "./testing/until.ts";

let site: TestSite;
beforeEach(async () => {
  site = await startSite();
});
afterEach(() => site.close());

async function called(operation: string, given: { arguments?: string; notAfter?: number } = {}) {
  const call = encode("Call", { notAfter: Date.UTC(2030, 0), ...given });
  const before = site.of("res/r1").length;
  await site.say(`req/r1/${operation}`, call);
  await until(() => site.of("res/r1").length === before + 1, "the answer");
  const result = site.messages("CallResult", "res/r1").at(-1);
  return { ok: result?.ok, error: result?.error, value: result?.value && JSON.parse(result.value) };
}

async function connected(given: Parameters<typeof testAgent>[2] = {}) {
  const one = testAgent(site, {}, given);
  await one.agent.start();
  await until(() => one.agent.status.reportHash !== "", "connected and reported");
  return one;
}

test("identify says which machine answers", async () => {
  await using _one = await connected();
  expect(await called("identify")).toEqual({
    ok: true,
    error: undefined,
    value: { hostId: HOST, agent: "0.1.0", hostname: "edge-one", bootId: "boot-1" },
  });
});

test("rescan reads the hardware and sends the report though nothing has changed", async () => {
  await using one = await connected();
  const before = one.readings;
  expect(await called("rescan")).toMatchObject({ ok: true, value: { hash: one.agent.status.reportHash } });
  await until(() => site.of("hw").length === 2, "the report, again");
  expect(one.readings).toBe(before + 1);
});

test("log-tail gives as many of the latest lines as one answer holds, and pages back", async () => {
  const logTail = createLogTail();
  await using _one = await connected({ logTail });
  for (let line = 1; line <= 500; line += 1) logTail.write(`${JSON.stringify({ line, text: "x".repeat(80) })}\n`);
  const latest = await called("log-tail");
  expect(latest).toMatchObject({ ok: true, value: { more: true } });
  expect(JSON.parse(latest.value.lines.at(-1))).toMatchObject({ line: 500 });
  const earlier = await called("log-tail", { arguments: JSON.stringify({ skip: latest.value.lines.length }) });
  expect(JSON.parse(earlier.value.lines.at(-1))).toMatchObject({ line: 500 - latest.value.lines.length });
});

test.each([
  ["an operation that it does not know", "toString", {}, "knows no toString; it knows identify, rescan, log-tail"],
  ["an expired call", "identify", { notAfter: Date.UTC(2026, 0, 1) }, "expired: not to be answered after 2026-01-01"],
  ["arguments that are no object", "identify", { arguments: "[1]" }, "not a JSON object"],
  ["a skip that is no number of lines", "log-tail", { arguments: '{"skip":-1}' }, "skip is not a number of lines"],
])("%s is answered with a sentence", async (_what, operation, given, sentence) => {
  await using _one = await connected();
  expect(await called(operation, given)).toMatchObject({ ok: false, error: expect.stringContaining(sentence) });
});

test("a call of bytes that are no message is answered with a sentence, and the next one as usual", async () => {
  await using _one = await connected();
  await site.say("req/r2/identify", Uint8Array.from([0xff, 0xff]));
  await until(() => site.of("res/r2").length === 1, "the answer");
  expect(site.messages("CallResult", "res/r2")[0]).toMatchObject({ ok: false });
  expect(await called("identify")).toMatchObject({ ok: true });
});

test("a machine whose clock says 2000 answers calls all the same", async () => {
  await using one = await connected();
  one.clock.jump(Date.UTC(2000, 0, 1));
  expect(await called("identify", { notAfter: Date.UTC(1999, 0) })).toMatchObject({ ok: true });
});

test("the kept log stays within its size, dropping the oldest lines and cutting long ones", () => {
  const tail = createLogTail(1_000);
  for (let line = 0; line < 100; line += 1) tail.write(`line ${line} ${"é".repeat(40)}\n`);
  const { lines, more } = tail.lines({ skip: 0, characters: 10_000 });
  expect(Buffer.byteLength(lines.join(""))).toBeLessThanOrEqual(1_000);
  expect(lines.at(-1)).toContain("line 99");
  expect(more).toBe(false);

  const wide = createLogTail();
  wide.write("x".repeat(1_000_000));
  expect(wide.lines({ skip: 0, characters: 10_000 }).lines).toEqual(["x".repeat(4_096)]);
});

test("an answer too long to be sent is answered with a sentence", async () => {
  const answers: CallResult[] = [];
  const publish: Link["publish"] = async (_leaf, payload) => {
    answers.push(decode("CallResult", Buffer.from(payload)));
  };
  const operations = { recite: () => "x".repeat(20_000) };
  const link = () => ({ publish }) as Link;
  const calls = createCalls({ clock: systemClock, log: silentLog, operations, link });
  await calls.receive("r1", "recite", encode("Call", { notAfter: Date.UTC(2999, 0) }));
  expect(answers).toMatchObject([{ ok: false, error: expect.stringContaining("20002 characters") }]);
});
