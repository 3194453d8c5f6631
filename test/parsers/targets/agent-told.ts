import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createCalls } from "@holdfast/agent/calls";
import { dispatch } from "@holdfast/agent/dispatch";
import { createJobs } from "@holdfast/agent/jobs";
import type { Link } from "@holdfast/agent/link";
import { createPower } from "@holdfast/agent/power";
import type { SpoolMessage } from "@holdfast/agent/spool-file";
import { decode, encode, type Messages } from "@holdfast/protocol/messages";
import { silentLog, systemClock } from "@holdfast/runtime";
import { messageValue } from "../message-values.ts";
import { mutateJson } from "../mutate/json.ts";
import { mutateText } from "../mutate/text.ts";
import { desiredIn, HOST, NO_ORDERS, spoolTo } from "../programs/agent-parts.ts";
import type { Random } from "../random.ts";
import { type Input, mustHold, type Target } from "../target.ts";
import { messageBytes } from "./messages.ts";

const OPERATIONS = ["identify", "rescan", "log-tail", "power", "constructor", "__proto__", ""] as const;
const POWER: Input = { id: "order-1", action: "off", manner: "orderly" };

function callBytes(random: Random): Uint8Array {
  const order = random.chance(0.5) ? POWER : { skip: 0 };
  const json = JSON.stringify(random.chance(0.5) ? mutateJson(random, order) : order);
  const text = random.chance(0.1) ? mutateText(random, json) : json;
  return encode("Call", { arguments: text, notAfter: random.chance(0.8) ? 4e12 : random.next() });
}

function desiredBytes(random: Random): Uint8Array {
  const about = { hostId: HOST, heartbeatSeconds: 1 + random.small(13), telemetrySeconds: random.small(18) };
  return encode("Desired", { ...messageValue(random, "Desired"), ...about } as unknown as Messages["Desired"]);
}

/** What an agent makes of what its site, or whoever took the place of it, sends. */
export const AGENT_TOLD: Target = {
  name: "agent-told",
  about:
    "an agent takes whatever it is sent; each call with an id is answered, a job rejected, a document said to be reached or not",
  open: async () => {
    const stateDir = tmpdir();
    const said: SpoolMessage[] = [];
    const answers: { readonly leaf: string; readonly payload: Uint8Array }[] = [];
    const spool = spoolTo((message) => void said.push(message));
    const publish = async (leaf: string, payload: Uint8Array) => void answers.push({ leaf, payload });
    const [log, link] = [silentLog, () => ({ publish }) as unknown as Link];
    const open = () => {
      const power = createPower({ log, stateDir, switchMachine: async () => undefined });
      const operations = { identify: () => ({ hostId: HOST }), rescan: async () => ({ hash: "" }), power };
      const calls = createCalls({ clock: systemClock, log, operations, link });
      const desired = desiredIn(stateDir, spool);
      return {
        calls,
        hear: dispatch({ desired, jobs: createJobs({ log, stateDir, spool, orders: NO_ORDERS, work: {} }), calls }),
      };
    };
    let agent = open();
    return {
      generate(random) {
        const leaf = random.pick([
          "desired",
          "desired",
          "jobs/next",
          `req/r-1/${random.pick(OPERATIONS)}`,
          "req/r-1/power",
        ]);
        const is = leaf === "desired" ? "Desired" : leaf === "jobs/next" ? "Job" : "Call";
        const whole = { Desired: desiredBytes, Job: (with_: Random) => messageBytes(with_, "Job"), Call: callBytes }[
          is
        ];
        const payload = random.chance(0.5) ? whole(random) : messageBytes(random, is);
        return { leaf: random.chance(0.05) ? mutateText(random, leaf) : leaf, payload, restarts: random.chance(0.1) };
      },
      async feed(input) {
        const { leaf, payload, restarts } = input as { leaf: string; payload: Uint8Array; restarts: boolean };
        said.length = 0;
        answers.length = 0;
        if (restarts) {
          // As another machine would: what was said to be reached is not known any more.
          rmSync(`${stateDir}/applied.json`, { force: true });
          agent = open();
        }
        agent.hear(leaf, Buffer.from(payload));
        // A job is judged beside whatever else comes.
        if (leaf === "jobs/next") await new Promise((resolve) => setImmediate(resolve));
        const [first, request = "", operation] = leaf.split("/");
        if (first === "req" && operation !== undefined && leaf.split("/").length === 3) {
          // The same call once more, waited for: the first is on its way by then.
          await agent.calls.receive(request, operation, Buffer.from(payload));
          const isAnswerable = /^[A-Za-z0-9_.-]{1,64}$/.test(request);
          mustHold(answers.length === (isAnswerable ? 2 : 0), `two calls got ${answers.length} answers`);
        }
        for (const answer of answers) decode("CallResult", answer.payload);
        for (const message of said) decode(message.leaf === "reported" ? "Reported" : "JobStatus", message.payload);
        return answers.some((answer) => decode("CallResult", answer.payload).ok) || said.length > 0
          ? "accepted"
          : "refused";
      },
    };
  },
};
