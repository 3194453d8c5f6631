import { PROTOCOL_VERSION } from "@holdfast/protocol/handshake";
import { mutateJson } from "../mutate/json.ts";
import { mutateText } from "../mutate/text.ts";
import { judged } from "../programs/answers.ts";
import { filled } from "../programs/filled.ts";
import { FuzzedPair } from "../programs/fuzzed-pair.ts";
import type { Random } from "../random.ts";
import { type Input, mustHold, type Target } from "../target.ts";

const ENROL: Input = {
  ...{ token: "{token}", machine: "00000000-0000-4000-8000-000000000001", serialNumber: "SN-1" },
  ...{ uuid: "4fea5c7b-d249-825a-831d-d3e13c127fac", uuidDerived: false, hostname: "edge-1" },
  ...{ agent: "0.1.0", protocol: PROTOCOL_VERSION, capabilities: [] },
};
const ARRIVAL: Input = {
  ...{ hostId: "{host}", proof: "0".repeat(64), nonce: "0".repeat(32) },
  ...{
    machine: "00000000-0000-4000-8000-000000000002",
    serialNumber: "SN-2",
    uuid: "4fea5c7b-d249-825a-831d-d3e13c127fac",
  },
};
/** An address that guesses is not listened to for a while: so many ask from each. */
const ASK_FROM_EACH = 8;

function body(random: Random, path: string): string {
  const whole = path === "/v1/enroll" ? ENROL : ARRIVAL;
  const said = random.chance(0.7) ? mutateJson(random, whole) : whole;
  const text = JSON.stringify(random.chance(0.1) ? { ...(said as object), machine: random.pick(MACHINES) } : said);
  return random.chance(0.1) ? mutateText(random, text) : text;
}

const MACHINES = Array.from(
  { length: 40 },
  (_, at) => `00000000-0000-4000-8000-0000000001${String(at).padStart(2, "0")}`,
);

/** Machines that nobody has admitted yet, and what they post to a site. */
export const MACHINES_ASK: Target = {
  name: "machines-ask",
  about:
    "who asks to be admitted, or shows up from elsewhere, is answered, or refused in words that hold nothing back or out",
  open: async () => {
    const pair = await FuzzedPair.start();
    const [token, host] = [await pair.token(), String(pair.hub.names.otherHost)];
    let asked = 0;
    return {
      generate(random): Input {
        const path = random.chance(0.6) ? "/v1/enroll" : "/v1/arrivals";
        const type = random.chance(0.97) ? "application/json" : random.pick(["text/plain", "application/json;x", "x"]);
        return { path, type, text: body(random, path) };
      },
      async feed(input) {
        const { path, type, text } = filled(input, { token, host }) as Readonly<
          Record<"path" | "type" | "text", string>
        >;
        const from = Math.floor(asked / ASK_FROM_EACH);
        asked += 1;
        const localAddress = `127.${1 + (from >> 16)}.${(from >> 8) & 0xff}.${1 + (from % 250)}`;
        const headers = { "content-type": type };
        const answer = await pair.ask({ method: "POST", url: path, headers, payload: text, localAddress });
        pair.mustBeContent();
        mustHold(answer.status !== 429, "an address is not listened to that has asked eight times");
        return judged(answer);
      },
      async finish() {
        await pair.site.caughtUp();
        const headers = { authorization: `Bearer ${pair.hub.operator}` };
        const answer = await pair.ask({ method: "GET", url: "/v1/status", headers });
        mustHold(answer.status === 200 && answer.json !== undefined, `its status cannot be shown: ${answer.text}`);
        pair.mustBeContent();
      },
      close: () => pair.close(),
    };
  },
};
