import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decode, encode } from "@holdfast/protocol/messages";
import { silentLog } from "@holdfast/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createPower, systemdPower } from "./power.ts";
import { temporaryDirectory, testAgent } from "./testing/agents.ts";
import { startSite, type TestSite } from "./testing/site.ts";
import { until } from "./testing/until.ts";

let site: TestSite;
beforeEach(async () => {
  site = await startSite();
});
afterEach(() => site.close());

const ORDER = { id: "order-1", action: "off", manner: "orderly" };
let asked = 0;

/** Sends a call and waits for the first answer to it. */
async function call(order: object, { notAfter = Date.UTC(2030, 0) } = {}) {
  asked += 1;
  const request = `r${asked}`;
  const text = JSON.stringify(order);
  const id = "id" in order ? String(order.id) : `without-${request}`;
  const signed = await site.order({ id, type: "power", arguments: text, notAfter });
  await site.say(`req/${request}/power`, encode("Call", { arguments: text, notAfter, order: signed }));
  await until(() => site.of(`res/${request}`).length > 0, "the answer");
  const answers = () => site.of(`res/${request}`).map(({ payload }) => decode("CallResult", payload));
  return { first: answers()[0], answers };
}

async function connected(allowPower = true, fails?: string) {
  const done: string[] = [];
  const answeredBefore: number[] = [];
  const power = async ({ action, manner }: { action: string; manner: string }) => {
    answeredBefore.push(site.arrived.filter(({ leaf }) => leaf.startsWith("res/")).length);
    done.push(`${action} ${manner}`);
    if (fails) throw new Error(fails);
  };
  const one = testAgent(site, { allowPower }, { power });
  await one.agent.start();
  await until(() => one.agent.status.session !== undefined, "connected");
  const restart = async () => {
    await one.agent.cut();
    const next = one.again({ bootId: "boot-2" });
    await next.start();
    await until(() => next.status.session !== undefined, "connected again");
  };
  return { one, done, answeredBefore, restart, [Symbol.asyncDispose]: () => one[Symbol.asyncDispose]() };
}

test("an order is answered first, then carried out", async () => {
  await using it = await connected();
  const { first } = await call(ORDER);
  expect(first).toMatchObject({ ok: true, value: JSON.stringify({ id: "order-1", repeated: false }) });
  await until(() => it.done.length === 1, "it is carried out");
  expect(it.done).toEqual(["off orderly"]);
  expect(it.answeredBefore).toEqual([1]);
});

test("the same order does nothing more, neither at once nor after the boot that came of it (rule 19)", async () => {
  await using it = await connected();
  await call({ ...ORDER, action: "reset" });
  await until(() => it.done.length === 1, "the reset");
  const repeated = { ok: true, value: JSON.stringify({ id: "order-1", repeated: true }) };
  expect((await call({ ...ORDER, action: "reset" })).first).toMatchObject(repeated);
  await it.restart();
  expect((await call({ ...ORDER, action: "reset" })).first).toMatchObject(repeated);
  // Another order after it shows that the repeats have been dealt with.
  await call({ ...ORDER, id: "order-2", manner: "at-once" });
  await until(() => it.done.length === 2, "the other order");
  expect(it.done).toEqual(["reset orderly", "off at-once"]);
});

test("an agent that was not started with --allow-power refuses, says why, and does nothing", async () => {
  await using it = await connected(false);
  const { first } = await call(ORDER);
  expect(first).toMatchObject({ ok: false, refused: true, error: expect.stringContaining("--allow-power") });
  expect(it.done).toEqual([]);
});

test("an order past its time is refused, unless this machine's clock was plainly never set (rule 17)", async () => {
  await using it = await connected();
  const { first } = await call(ORDER, { notAfter: it.one.clock.now() - 1 });
  expect(first).toMatchObject({ ok: false, refused: true, error: expect.stringContaining("expired") });
  expect(it.done).toEqual([]);
  it.one.clock.jump(Date.UTC(1970, 0, 2));
  await call(ORDER, { notAfter: Date.UTC(1970, 0, 1) });
  await until(() => it.done.length === 1, "carried out");
});

test("what is no order is refused naming the field", async () => {
  await using it = await connected();
  expect((await call({ ...ORDER, action: "explode" })).first).toMatchObject({
    ok: false,
    refused: true,
    error: expect.stringContaining("action"),
  });
  expect((await call({ action: "off", manner: "orderly" })).first).toMatchObject({
    ok: false,
    error: expect.stringContaining("power"),
  });
  expect(it.done).toEqual([]);
});

test("a switch that fails is told in a second answer", async () => {
  await using it = await connected(true, "Interactive authentication required.");
  const { answers } = await call(ORDER);
  await until(() => answers().length === 2, "the second answer");
  expect(answers()[1]).toMatchObject({ ok: false, refused: false, error: "Interactive authentication required." });
  expect(it.done).toHaveLength(1);
});

test("the journal of orders is bounded", async () => {
  using directory = temporaryDirectory();
  const journal = join(directory.path, "power.json");
  const ordersOf = () => JSON.parse(readFileSync(journal, "utf8")).carriedOut;
  writeFileSync(journal, JSON.stringify({ carriedOut: Array.from({ length: 999 }, (_, at) => `order-${at + 1}`) }));
  const operation = createPower({ log: silentLog, stateDir: directory.path, switchMachine: async () => undefined });
  for (const order of [1_000, 1_001, 1_002]) await operation({ ...ORDER, id: `order-${order}` });
  expect([ordersOf().length, ordersOf()[0], ordersOf().at(-1)]).toEqual([1_000, "order-3", "order-1002"]);
});

test.each([
  ["off", "orderly", "systemctl poweroff"],
  ["off", "at-once", "systemctl poweroff -i"],
  ["reset", "orderly", "systemctl reboot"],
  ["reset", "at-once", "systemctl reboot -i"],
] as const)("%s %s is %s, without a shell", async (action, manner, command) => {
  const ran: string[] = [];
  await systemdPower(async (file, list) => void ran.push([file, ...list].join(" ")))({ action, manner });
  expect(ran).toEqual([command]);
});
