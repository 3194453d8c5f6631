import { setImmediate as turn } from "node:timers/promises";
import { hostTopic } from "@holdfast/protocol/topics";
import type { Broker } from "@holdfast/site-node/broker/broker";
import { packetBytes, pieces, type Who } from "../mqtt-bytes.ts";
import { FuzzedPair } from "../programs/fuzzed-pair.ts";
import { RawHost } from "../programs/raw-host.ts";
import { streamPair } from "../programs/stream-pair.ts";
import type { Random } from "../random.ts";
import { mustHold, type Target, type Verdict } from "../target.ts";
import { topicText } from "./topics.ts";

/** Stand in the bytes for those of the host that was admitted, and are as long as they are. */
const STANDS_FOR = { host: "host-0000000b", site: "site-0000000a", secret: `hfm_${"0".repeat(43)}` };

function withNames(bytes: Uint8Array, { host, secret, site }: Who & { readonly site: string }): Buffer {
  const text = Buffer.from(bytes).toString("latin1");
  const named = text.replaceAll(STANDS_FOR.host, host).replaceAll(STANDS_FOR.site, site);
  return Buffer.from(named.replaceAll(STANDS_FOR.secret, secret), "latin1");
}

function topic(random: Random): string {
  const leaf = random.pick([
    "status",
    "hw",
    "hb",
    "reported",
    "tele/cpu",
    "res/r-1",
    "jobs/j/status",
    "desired",
    "req/+/+",
  ]);
  return random.chance(0.7) ? hostTopic(STANDS_FOR.site, STANDS_FOR.host, leaf) : topicText(random);
}

/** In so many the broker has looked a session up and stored it. */
const TURNS = 40;

/** So many hosts are at the door at once: a witness, who is heard after them, costs as much as one of them. */
const TOGETHER = 8;

interface Made {
  readonly bytes: Uint8Array;
  /** Where the bytes are cut into pieces. */
  readonly cuts: readonly number[];
  readonly ends: string;
}

/** A connection to a broker over which all of that has been said. */
function connectionOf(broker: Pick<Broker, "attach">, bytes: Buffer, cuts: readonly number[]) {
  const [stream, theirs] = streamPair();
  let answer = Buffer.alloc(0);
  stream.on("data", (chunk: Buffer) => {
    if (answer.length < 4) answer = Buffer.concat([answer, chunk]);
  });
  broker.attach(theirs);
  for (const [at, end] of cuts.entries()) stream.write(bytes.subarray(cuts[at - 1] ?? 0, end));
  return {
    stream,
    isAnswered: () => answer.length > 0 || stream.destroyed,
    isIn: () => answer[0] === 0x20 && answer[3] === 0 && !stream.destroyed,
  };
}

/** Bytes at the door of a site's broker, before, within and after a CONNECT, in whatever pieces they come. */
export const MQTT: Target = {
  name: "mqtt",
  about: "no bytes that come to the broker end more than their own connection, or are taken for another host's word",
  open: async () => {
    const pair = await FuzzedPair.start();
    const { broker } = pair.site;
    const site = String(pair.hub.names.site);
    const other = await pair.machine(1);
    const attacked: Who[] = [];
    while (attacked.length < TOGETHER) attacked.push(await pair.machine(2 + attacked.length));
    let witness = await RawHost.connect(broker, other);
    return {
      together: TOGETHER,
      generate(random) {
        const who = { host: STANDS_FOR.host, secret: random.chance(0.95) ? STANDS_FOR.secret : "wrong" };
        const bytes = packetBytes(random, () => topic(random), who);
        const cuts = random.chance(0.1) ? Array.from(bytes, (_, at) => at + 1) : pieces(random, bytes.length);
        return { bytes, cuts: cuts.slice(0, 300), ends: random.pick(["cut", "end"]) };
      },
      async feed(input) {
        const made = input as unknown as readonly Made[];
        const connections = made.map(({ bytes, cuts }, at) =>
          connectionOf(broker, withNames(bytes, { ...(attacked[at] ?? other), site }), cuts),
        );
        // A CONNECT that is whole is answered, or ends the connection; what is none waits for more.
        for (let turns = 0; turns < TURNS && !connections.every(({ isAnswered }) => isAnswered()); turns += 1)
          await turn();
        // What it makes of the rest it has made by the time it has answered somebody else.
        const isHeard = await witness.say(hostTopic(site, other.host, "tele/cpu"), Buffer.from("x"));
        mustHold(isHeard, `another's connection is ended; the site warned of:\n${pair.complaints.latest}`);
        const verdicts = connections.map(({ isIn }): Verdict => (isIn() ? "accepted" : "refused"));
        for (const [at, { stream }] of connections.entries()) {
          if (made[at]?.ends === "end") stream.end();
          else stream.destroy();
        }
        pair.mustBeContent();
        return verdicts;
      },
      async finish() {
        await witness.end();
        witness = await RawHost.connect(broker, other);
        await witness.end();
        for (const who of attacked) await (await RawHost.connect(broker, who)).end();
        await pair.site.caughtUp();
        pair.mustBeContent();
      },
      close: () => pair.close(),
    };
  },
};
