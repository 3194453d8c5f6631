import { decode, encode } from "@holdfast/protocol/messages";
import { systemClock } from "@holdfast/runtime";
import { afterEach, expect, test } from "vitest";
import { AgentCalls } from "../hosts/agent-calls.ts";
import { BERGEN, OSLO, own, SITE, TestBroker, type TestClient } from "../testing/test-broker.ts";
import { inBandControl } from "./in-band.ts";

const ORDER = { id: "order-1", notAfter: Date.UTC(2030, 0), manner: "orderly" } as const;
const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

interface Asked {
  readonly request: string;
  readonly operation: string;
  readonly parameters: unknown;
  readonly notAfter: number;
}

/** A broker, and a clock that passes as quickly as it is asked to when `hurry` is given. */
async function reaching({ hurry = false } = {}) {
  const holder: { calls?: AgentCalls } = {};
  const broker = await new TestBroker({
    onUp: async (from, message, payload) => {
      if (message.is === "result") holder.calls?.answered(from, message.request, payload);
    },
  }).start();
  open.push(broker);
  const sleep = (time: number, signal?: AbortSignal) => systemClock.sleep(hurry ? time / 100 : time, signal);
  holder.calls = new AgentCalls({ site: SITE, broker: () => broker.broker, clock: { ...systemClock, sleep } });
  return { broker, control: inBandControl(holder.calls), signal: new AbortController().signal };
}

/** An agent that answers what it is asked as told. */
async function agent(broker: TestBroker, host: string, answer: (asked: Asked, client: TestClient) => void) {
  const client = await broker.connect(host);
  open.push(client);
  const asked: Asked[] = [];
  client.mqtt.on("message", (topic, payload) => {
    const [request = "", operation = ""] = topic.split("/").slice(-2);
    const { arguments: text = "{}", notAfter } = decode("Call", payload);
    asked.push({ request, operation, parameters: JSON.parse(text), notAfter });
    answer(asked.at(-1) as Asked, client);
  });
  await client.mqtt.subscribeAsync(own(host, "req/+/+"), { qos: 1 });
  return { asked, client };
}

const answering =
  (result: { ok: boolean; value?: string; error?: string; refused: boolean }) =>
  ({ request }: Asked, client: TestClient) =>
    void client.mqtt.publish(
      own(client.mqtt.options.clientId ?? "", `res/${request}`),
      Buffer.from(encode("CallResult", result)),
      {
        qos: 1,
      },
    );

const yes = answering({ ok: true, value: "{}", refused: false });

test("a machine is switched off by a call that names order, action and manner", async () => {
  const { broker, control, signal } = await reaching({ hurry: true });
  const { asked } = await agent(broker, OSLO, yes);
  expect(await control.setPower(OSLO, "POWER_STATE_OFF", ORDER, signal)).toEqual({ is: "done" });
  const parameters = { id: "order-1", action: "off", manner: "orderly" };
  expect(asked).toEqual([expect.objectContaining({ operation: "power", parameters, notAfter: ORDER.notAfter })]);
});

test.each([
  ["identify", "identify", {}],
  ["rescan", "rescan", {}],
  ["reset", "power", { id: "order-1", action: "reset", manner: "orderly" }],
  ["power-cycle", "power", { id: "order-1", action: "reset", manner: "orderly" }],
] as const)("the command %s is the call %s", async (command, operation, parameters) => {
  const { broker, control, signal } = await reaching({ hurry: true });
  const { asked } = await agent(broker, OSLO, yes);
  expect(await control.perform(OSLO, command, ORDER, signal)).toMatchObject({ is: "done" });
  expect(asked).toEqual([expect.objectContaining({ operation, parameters })]);
});

test("a power cycle says that it was a reset", async () => {
  const { broker, control, signal } = await reaching({ hurry: true });
  await agent(broker, OSLO, yes);
  expect(await control.perform(OSLO, "power-cycle", ORDER, signal)).toEqual({
    is: "done",
    reason: "reset by its agent: the power itself stayed on",
  });
});

test.each([
  ["refused", { ok: false, error: "it may not", refused: true }],
  ["failed", { ok: false, error: "it may not", refused: false }],
] as const)("what an agent says no to is %s, with its reason", async (is, result) => {
  const { broker, control, signal } = await reaching();
  await agent(broker, OSLO, answering(result));
  expect(await control.perform(OSLO, "reset", ORDER, signal)).toEqual({ is, reason: "it may not" });
});

test("an agent that could not do what it said yes to has the last word", async () => {
  const { broker, control, signal } = await reaching();
  await agent(broker, OSLO, (asked, client) => {
    yes(asked, client);
    answering({ ok: false, error: "authentication required", refused: false })(asked, client);
  });
  const ordered = await control.perform(OSLO, "reset", ORDER, signal);
  expect(ordered).toEqual({ is: "failed", reason: "authentication required" });
});

test("without an answer nobody knows, and an order that found nobody is found by nobody later (rule 17)", async () => {
  const { broker, control, signal } = await reaching({ hurry: true });
  const { client } = await agent(broker, OSLO, yes);
  await client.mqtt.endAsync(true);
  expect(await control.perform(OSLO, "reset", ORDER, signal)).toEqual({
    is: "unknown",
    reason: "its agent gave no answer",
  });
  const { asked } = await agent(broker, OSLO, yes);
  await control.perform(OSLO, "identify", ORDER, signal);
  expect(asked.map(({ operation }) => operation)).toEqual(["identify"]);
});

test("one host cannot answer for another", async () => {
  const { broker, control, signal } = await reaching({ hurry: true });
  const bergen = await broker.connect(BERGEN);
  open.push(bergen);
  await agent(broker, OSLO, ({ request }) => {
    bergen.mqtt.publish(
      own(BERGEN, `res/${request}`),
      Buffer.from(encode("CallResult", { ok: true, refused: false })),
      {
        qos: 1,
      },
    );
  });
  expect(await control.perform(OSLO, "reset", ORDER, signal)).toMatchObject({ is: "unknown" });
});

test("a machine that is off cannot be switched on through its agent", async () => {
  const { control, signal } = await reaching();
  expect(await control.setPower(OSLO, "POWER_STATE_ON", ORDER, signal)).toMatchObject({ is: "refused" });
});
