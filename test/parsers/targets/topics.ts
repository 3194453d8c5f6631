import { isHostId } from "@holdfast/protocol/ids";
import {
  hostTopic,
  maySubscribe,
  nodeStatusTopic,
  type ParsedTopic,
  parseUpTopic,
  UP,
} from "@holdfast/protocol/topics";
import { judgeConnect, judgePublish, mayReceive } from "@holdfast/site-node/broker/access";
import { isLiteral, literalPrefix, matchesFilter } from "@holdfast/site-node/broker/topic-filter";
import { babble, mutateText } from "../mutate/text.ts";
import type { Random } from "../random.ts";
import { mustHold, type Target } from "../target.ts";

const SITE = "site-0000000a";
const HOST = "host-0000000b";
const OTHER = "host-0000000c";
const LEAVES = [
  "status",
  "hw",
  "hb",
  "reported",
  "desired",
  "jobs/next",
  "tele/cpu",
  "res/r-1",
  "jobs/j.1/status",
  "req/+/+",
];
const WORDS = [
  "e",
  "v1",
  "/",
  "/",
  "/",
  "+",
  "#",
  "$SYS",
  "_node",
  SITE,
  HOST,
  OTHER,
  "status",
  "tele",
  "x",
  "req",
  "res",
];

export function topicText(random: Random): string {
  const topic = random.pick([
    hostTopic(random.pick([SITE, "site-0000000b"]), random.pick([HOST, OTHER]), random.pick(LEAVES)),
    nodeStatusTopic(SITE),
    babble(random, WORDS, 14),
  ]);
  return random.chance(0.6) ? mutateText(random, topic, WORDS) : topic;
}

/** The leaf of the topic on which such a message comes. */
function leafOf({ message }: ParsedTopic): string {
  switch (message.is) {
    case "telemetry":
      return UP.telemetry(message.stream);
    case "job-status":
      return UP.jobStatus(message.job);
    case "result":
      return UP.result(message.request);
    default:
      return UP[message.is];
  }
}

/** MQTT 3.1.1 §4.7, level by level, written without a look at the product. */
function matchesByTheBook(filter: readonly string[], topic: readonly string[]): boolean {
  const [wanted, ...restOfFilter] = filter;
  const [level, ...restOfTopic] = topic;
  if (wanted === undefined) return level === undefined;
  if (wanted === "#") return true;
  if (level === undefined) return false;
  return (wanted === "+" || wanted === level) && matchesByTheBook(restOfFilter, restOfTopic);
}

function isValidFilter(filter: string): boolean {
  const levels = filter.split("/");
  return (
    filter !== "" &&
    levels.every((level, at) => level === "+" || (level === "#" && at === levels.length - 1) || isLiteral(level))
  );
}

/** Topics, filters, and who may use them. */
export const TOPICS: Target = {
  name: "topics",
  about: "a topic means what it was built of; filters match as MQTT says; a host gets at nothing but its own",
  open: async () => ({
    generate: (random) => ({
      topic: topicText(random),
      filter: topicText(random),
      host: random.pick([HOST, OTHER, topicText(random)]),
    }),
    feed(input) {
      const { topic, filter, host } = input as Readonly<Record<"topic" | "filter" | "host", string>>;
      const parsed = parseUpTopic(topic);
      if (parsed)
        mustHold(hostTopic(parsed.site, parsed.host, leafOf(parsed)) === topic, "the topic is read as another");
      for (const retain of [true, false]) {
        const publication = judgePublish(SITE, host, { topic, retain });
        const isOwn = topic.startsWith(`e/v1/${SITE}/${host}/`) && isHostId(host);
        mustHold(!publication.allowed || (isOwn && publication.from === host), "a host speaks for another");
      }
      const isToldOf = filter === nodeStatusTopic(SITE) || filter.startsWith(`e/v1/${SITE}/${host}/`);
      mustHold(!maySubscribe(SITE, host, filter) || isToldOf, "a host may subscribe to what is not its own");
      mustHold(
        !mayReceive(SITE, host, topic) || topic === nodeStatusTopic(SITE) || topic.startsWith(`e/v1/${SITE}/${host}/`),
        "a host is sent what is not its own",
      );
      const verdict = judgeConnect(SITE, { clientId: host, username: host, will: { topic } }, { admits: () => true });
      mustHold(!verdict.admitted, "a host without a password is let in");
      const matches = matchesFilter(filter, topic);
      if (matches)
        mustHold(isLiteral(filter) || topic.startsWith(literalPrefix(filter)), "it matches beyond its prefix");
      if (isValidFilter(filter) && !topic.startsWith("$")) {
        const should = matchesByTheBook(filter.split("/"), topic.split("/"));
        mustHold(matches === should, `the filter ${should ? "does not match" : "matches"} against the book`);
      }
      return parsed ? "accepted" : "refused";
    },
  }),
};
