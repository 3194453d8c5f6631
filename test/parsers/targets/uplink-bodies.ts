import { gunzipSync, gzipSync } from "node:zlib";
import { batchHash, MAX_BATCH_BYTES, type UplinkBatch, type UplinkReply } from "@holdfast/protocol/uplink";
import { entryValue } from "../entry-values.ts";
import { mutateBytes } from "../mutate/bytes.ts";
import { mutateJson } from "../mutate/json.ts";
import { mutateText } from "../mutate/text.ts";
import { askOver, headerText, judged } from "../programs/answers.ts";
import { filled } from "../programs/filled.ts";
import { FuzzedHub, OFFER } from "../programs/fuzzed-hub.ts";
import type { Random } from "../random.ts";
import { type Input, mustHold, type Target } from "../target.ts";

interface Body {
  readonly path: "uplink" | "contact";
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Compressed, and what then happens to the bytes: seeds of changes, or a bomb in their place. */
  readonly gzip: boolean;
  readonly bytes: Uint8Array | null;
}

const BATCH: Input = {
  stream: { epoch: "{epoch}", incarnation: "{incarnation}" },
  first: "{first}",
  previous: "{previous}",
  sealedAt: 0,
  entries: [],
};
const WITNESS: Input = {
  epoch: "{epoch}",
  cursor: { incarnation: 1, cursor: 1, receipt: "x" },
  feed: [{ scope: "site:{site}", seq: 1, receipt: "x" }],
};

/** Small on the wire, large when they are unpacked. */
const BOMBS = [MAX_BATCH_BYTES - 2, MAX_BATCH_BYTES + 1, 16 * 1024 * 1024].map((size) =>
  gzipSync(Buffer.alloc(size, " ")),
);

function jsonText(random: Random, path: Body["path"]): string {
  const entries = Array.from({ length: random.below(3) }, () => entryValue(random));
  const [witness, wantIds] = [random.chance(0.2) ? { witness: WITNESS } : {}, random.chance(0.2) ? { wantIds: 2 } : {}];
  const batch = { ...(BATCH as Record<string, Input>), entries, ...wantIds, ...witness };
  const body: Input = path === "contact" ? { witness: WITNESS } : batch;
  const text = JSON.stringify(random.chance(0.6) ? mutateJson(random, body) : body);
  if (random.chance(0.005)) return deep(random);
  return random.chance(0.2)
    ? mutateText(random, text, ["{", "}", "[", "]", '"', ":", ",", "\\u0000", "1e999", "nul"])
    : text;
}

function deep(random: Random): string {
  const levels = random.pick([999, 1_000, 1_001, 20_000, 200_000]);
  const inner = "[".repeat(levels) + "]".repeat(levels);
  return random.chance(0.5)
    ? inner
    : `{"stream":{"epoch":"{epoch}","incarnation":1},"first":1,"previous":"","sealedAt":0,"entries":[${inner}]}`;
}

function headers(random: Random, path: Body["path"]): Record<string, string> {
  return {
    ...OFFER,
    authorization: "Bearer {siteToken}",
    "content-type": random.chance(0.95)
      ? "application/json"
      : random.pick(["text/plain", "application/json; charset=x", "", "a/b"]),
    ...(random.chance(0.03) ? { "content-encoding": random.pick(["br", "gzip, gzip", "GZIP", "deflate", ""]) } : {}),
    // A client of HTTP would wait for ever for what it said that it would send.
    ...(path === "uplink" && random.chance(0.02)
      ? { "content-length": random.pick(["0", "1", "99999999", "-1", "x"]) }
      : {}),
    ...(random.chance(0.03)
      ? { "holdfast-protocol": random.pick(["0", "1", "3", "x", "1e0", "-2", "2.0", " 2"]) }
      : {}),
  };
}

/** What sites post, before anything of it is a batch. */
export const UPLINK_BODIES: Target = {
  name: "uplink-bodies",
  about:
    "a body of whatever bytes, compressed or not, a bomb or nested without end, is answered, or refused and nothing else",
  open: async () => {
    const hub = await FuzzedHub.start();
    let [first, previous] = [1, ""];
    // The one that the hub took last: what changes a batch may begin another, which is then gone on with.
    let stream = { epoch: String(hub.names.epoch), incarnation: 1 };
    return {
      generate(random): Input {
        const path = random.chance(0.95) ? "uplink" : "contact";
        const gzip = random.chance(0.2);
        const text = jsonText(random, path);
        const hurt = gzip && random.chance(0.4) ? mutateBytes(random, gzipSync(text)) : null;
        const bytes = gzip && random.chance(0.01) ? random.pick(BOMBS) : hurt;
        return { path, text: bytes ? "" : text, gzip, bytes, headers: headers(random, path) };
      },
      async feed(input) {
        const names = { ...hub.names, epoch: stream.epoch, previous };
        const { path, text: made, gzip, bytes, headers: sent } = filled(input, names) as unknown as Body;
        const numbered = made.replaceAll('"{first}"', String(first));
        const text = numbered.replaceAll('"{incarnation}"', String(stream.incarnation));
        const payload = bytes ?? (gzip ? gzipSync(text, { level: 1 }) : text);
        const said = Object.entries({ ...(gzip ? { "content-encoding": "gzip" } : {}), ...sent });
        const asked = {
          method: "POST",
          url: `/v1/sites/${hub.names.site}/${path}`,
          headers: Object.fromEntries(said.map(([name, value]) => [name, headerText(value)])),
          payload,
        };
        const answer = await (path === "contact" ? askOver(hub.hub.port, asked) : hub.ask(asked));
        hub.complaints.none();
        mustHold(!answer.text.includes("stack"), "it shows what only its authors should see");
        const verdict = judged(answer);
        if (verdict === "accepted" && path === "uplink") {
          first = (answer.json as UplinkReply).cursor + 1;
          const batch = JSON.parse(bytes ? gunzipSync(bytes).toString() : text.toWellFormed()) as UplinkBatch;
          // Its stream is nothing beside these to the hub.
          stream = { epoch: batch.stream.epoch, incarnation: batch.stream.incarnation };
          previous = batchHash({ ...batch, stream });
        }
        return verdict;
      },
      close: () => hub.close(),
    };
  },
};
