import { parseOffset } from "@holdfast/hub/shapes/offset";
import { mutateText } from "../mutate/text.ts";
import { type Answered, askOver, headerText, judged, queryText } from "../programs/answers.ts";
import { filled } from "../programs/filled.ts";
import { FuzzedHub, OFFER } from "../programs/fuzzed-hub.ts";
import type { Random } from "../random.ts";
import { type Input, mustHold, type Target, type Verdict } from "../target.ts";
import { mutateQuery, shapeQuery } from "./shape-query.ts";

const KNOWN = {
  scopes: [
    "site:{site}",
    "tenant:{tenant}",
    "site:{otherSite}",
    "tenant:11111111-1111-4111-8111-111111111111",
    "site:",
  ],
  handles: ["{handle}", "{handle}", "{handle}", "0123456789abcdef01234567-0123456789abcdef", ""],
};

function headers(random: Random): Record<string, string> {
  const all: Record<string, string> = {
    ...OFFER,
    authorization: `Bearer ${random.chance(0.95) ? "{siteToken}" : "{operator}"}`,
    "accept-encoding": random.pick(["gzip", "identity", "*", "gzip;q=0", "gzip;q=0.001, *"]),
    "if-none-match": random.pick(['"x"', '"{handle}:0_0:1_0"', "*"]),
    accept: random.pick(["*/*", "text/event-stream"]),
  };
  const name = random.pick(Object.keys(all));
  if (random.chance(0.1)) all[name] = mutateText(random, all[name] ?? "");
  if (random.chance(0.05)) delete all[name];
  return all;
}

/** Followers of the feed, through the hub's whole server. */
export const SHAPE_REQUESTS: Target = {
  name: "shape-requests",
  about: "GET /v1/shape is answered with messages that can be followed on from where they end, or is refused",
  open: async () => {
    const hub = await FuzzedHub.start();
    const from = (query: Input, sent: Input) => {
      const url = `/v1/shape${queryText(query as Record<string, Input>)}`;
      const headers = Object.fromEntries(
        Object.entries(sent as Record<string, string>).map(([name, text]) => [name, headerText(text)]),
      );
      const asked = { method: "GET", url, headers };
      return url.includes("live") ? askOver(hub.hub.port, asked) : hub.ask(asked);
    };
    const whole = { authorization: `Bearer ${hub.names.siteToken}`, ...OFFER };
    const whatIs = { table: "feed", where: `scope = 'site:${hub.names.site}'` };
    const first = await from({ ...whatIs, offset: "-1" }, whole);
    const names = { ...hub.names, handle: String(first.headers["electric-handle"]) };
    return {
      generate(random) {
        const query = shapeQuery(random, KNOWN);
        return { query: random.chance(0.4) ? mutateQuery(random, query) : query, headers: headers(random) };
      },
      async feed(input) {
        const { query, headers: sent } = filled(input, names) as { readonly query: Input; readonly headers: Input };
        const answer = await from(query, sent);
        if (answer.status === 409) {
          mustHold(
            typeof answer.headers["electric-handle"] === "string",
            "it says start anew, and not with which handle",
          );
          return "refused";
        }
        hub.complaints.none();
        const verdict = judged(answer);
        return verdict === "accepted" ? followed(answer) : verdict;
      },
      close: () => hub.close(),
    };
  },
};

/** What came is whole, and says where to go on. */
function followed({ status, headers: said, text }: Answered): Verdict {
  const offset = String(said["electric-offset"]);
  mustHold(parseOffset(offset) !== undefined, `its offset ${offset} is none`);
  mustHold(String(said["cache-control"]).startsWith("private"), "anybody may keep it");
  if (status === 304 || said["content-encoding"] === "gzip") return "accepted";
  const messages = String(said["content-type"]).startsWith("text/event-stream")
    ? text.split("\n\n").flatMap((event) => (event.startsWith("data: ") ? [JSON.parse(event.slice(6)) as unknown] : []))
    : (JSON.parse(text) as unknown[]);
  const isMessage = (each: unknown) => each !== null && typeof each === "object" && "headers" in each;
  mustHold(messages.every(isMessage), "it holds what is no message");
  return "accepted";
}
