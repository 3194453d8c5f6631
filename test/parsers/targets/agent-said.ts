import { readFileSync } from "node:fs";
import { encode, type Messages } from "@holdfast/protocol/messages";
import { hostTopic } from "@holdfast/protocol/topics";
import { messageValue } from "../message-values.ts";
import { mutateJson } from "../mutate/json.ts";
import { mutateText } from "../mutate/text.ts";
import { FuzzedPair } from "../programs/fuzzed-pair.ts";
import { RawHost } from "../programs/raw-host.ts";
import type { Random } from "../random.ts";
import { type Input, mustHold, type Target } from "../target.ts";
import { messageBytes } from "./messages.ts";

const TREES = ["synthetic-dimm-nvme-server", "synthetic-arm-board", "captured-small-vm"] as const;
const REPORTS = TREES.map(
  (tree) =>
    JSON.parse(
      readFileSync(new URL(`../../../agent/fixtures/trees/${tree}.report.json`, import.meta.url), "utf8"),
    ) as Input,
);
const STATUS: Input = { state: "online", session: "s-1", bootId: "b", agent: "0.1.0", protocol: 2, capabilities: [] };

const SAYS = {
  hw: "HardwareReport",
  hb: "Heartbeat",
  reported: "Reported",
  "tele/cpu": "Telemetry",
  "res/r-1": "CallResult",
  "jobs/j-1/status": "JobStatus",
} as const;

type Leaf = keyof typeof SAYS;

/** What is not the whole hardware, of which one report costs as much as a hundred others. */
const SHORT = ["hb", "hb", "reported", "tele/cpu", "res/r-1", "jobs/j-1/status"] as const;

/** Bytes: whoever says more ends the connection by that, which is `packets`' matter. */
const LONGEST = 200 * 1024;

/** A message whose values another agent might send: of the right types, for only those can be encoded. */
function saidValue(random: Random, leaf: Leaf): Uint8Array {
  const name: keyof Messages = SAYS[leaf];
  const value = leaf === "hw" ? random.pick(REPORTS) : messageValue(random, name);
  try {
    return encode(name, (random.chance(0.8) ? mutateJson(random, value) : value) as never);
  } catch {
    return encode(name, value as never);
  }
}

function statusText(random: Random): string {
  const text = JSON.stringify(random.chance(0.6) ? mutateJson(random, STATUS) : STATUS);
  return random.chance(0.2) ? mutateText(random, text) : text;
}

/** What a host's agent says, taken in by its site and told on to the hub. */
export const AGENT_SAID: Target = {
  name: "agent-said",
  about:
    "a site acknowledges whatever an agent says, taken in or set aside, and the hub sets nothing aside of what it is told then",
  open: async () => {
    const pair = await FuzzedPair.start();
    const site = String(pair.hub.names.site);
    const who = await pair.machine(1);
    const cutOffs = () => pair.complaints.times("an agent cannot be served");
    // As an agent does: of one that was not served nothing is heard until it says that it is another.
    const connected = async (): Promise<{ readonly host: RawHost; readonly cutOffs: number }> => {
      const host = await RawHost.connect(pair.site.broker, who);
      const isIn = await host.say(hostTopic(site, who.host, "status"), Buffer.from(JSON.stringify(STATUS)));
      // When the one before has said it twice, this connection may be ended for the second time.
      return isIn ? { host, cutOffs: cutOffs() } : connected();
    };
    let at = await connected();
    const notKept = async () => {
      const as = { authorization: `Bearer ${pair.hub.operator}` };
      return pair.hub.ask({ method: "GET", url: `/v1/projects/default/sites/${site}/quarantine`, headers: as });
    };
    return {
      together: 16,
      generate(random): Input {
        if (random.chance(0.05)) return { leaf: "status", payload: new Uint8Array(Buffer.from(statusText(random))) };
        const leaf = random.chance(0.08) ? "hw" : random.pick(SHORT);
        const payload = random.chance(0.6) ? saidValue(random, leaf) : messageBytes(random, SAYS[leaf]);
        return { leaf, payload: Uint8Array.from(payload.subarray(0, LONGEST)) };
      },
      async feed(input) {
        const words = input as readonly { readonly leaf: string; readonly payload: Uint8Array }[];
        if (at.host.isClosed) at = await connected();
        const taken = await Promise.all(
          words.map(({ leaf, payload }) => at.host.say(hostTopic(site, who.host, leaf), payload)),
        );
        pair.mustBeContent();
        // Whose protocol is not served is cut off, which people are shown: what it says after that is not heard.
        mustHold(taken.every(Boolean) || cutOffs() > at.cutOffs, "what it says is not acknowledged");
        return taken.map((isTaken) => (isTaken ? "accepted" : "refused"));
      },
      async finish() {
        await at.host.end();
        await pair.site.caughtUp();
        pair.mustBeContent();
        const { json, text } = await notKept();
        mustHold(
          (json as { readonly total?: number }).total === 0,
          `the hub has set aside what the site said: ${text.slice(0, 1_000)}`,
        );
      },
      close: () => pair.close(),
    };
  },
};
