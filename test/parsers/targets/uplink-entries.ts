import { batchHash } from "@holdfast/protocol/uplink";
import { entryValue } from "../entry-values.ts";
import { judged } from "../programs/answers.ts";
import { filled } from "../programs/filled.ts";
import { FuzzedHub, OFFER } from "../programs/fuzzed-hub.ts";
import { type Input, mustHold, type Target } from "../target.ts";

/** Entries of a batch: with fewer, most of the time would go by for the batches themselves. */
const TOGETHER = 32;
/** After so many batches an operator looks at what has come of it all. */
const LOOK_EVERY = 25;
const PROJECT = "/v1/projects/default";

interface Reply {
  readonly cursor: number;
  readonly outcomes: readonly { readonly seq: number; readonly result: string; readonly reason?: string }[];
  readonly ids?: { readonly first: number; readonly count: number };
}

/** What a site says in batches that are as they should be. */
export const UPLINK_ENTRIES: Target = {
  name: "uplink-entries",
  about:
    "an entry is applied or set aside with its reason, its batch is acknowledged, and operators can look at all of it",
  open: async () => {
    const hub = await FuzzedHub.start();
    const stream = { epoch: String(hub.names.epoch), incarnation: 1 };
    let [first, previous, fed] = [1, "", 0];
    let lent: number[] = [];
    const headers = { authorization: `Bearer ${hub.names.siteToken}`, ...OFFER, "content-type": "application/json" };

    async function send(entries: readonly Input[]): Promise<Reply> {
      const batch = {
        stream,
        first,
        previous,
        sealedAt: 0,
        entries: [...entries],
        ...(lent.length < TOGETHER ? { wantIds: 100 } : {}),
      };
      const url = `/v1/sites/${hub.names.site}/uplink`;
      const payload = JSON.stringify(batch);
      const answer = await hub.ask({ method: "POST", url, headers, payload });
      hub.complaints.none();
      mustHold(judged(answer) === "accepted", `the batch is refused: ${answer.text}`);
      const reply = answer.json as Reply;
      // What JSON does not tell apart, as -0 and 0, the hub has not seen.
      previous = batchHash({ ...batch, entries: (JSON.parse(payload) as typeof batch).entries });
      first += entries.length;
      mustHold(reply.cursor === first - 1, `the cursor is ${reply.cursor} after entry ${first - 1}`);
      if (reply.ids) lent = Array.from({ length: reply.ids.count }, (_, at) => (reply.ids?.first ?? 0) + at);
      return reply;
    }

    /** What operators and the site see of it is there, and whole. */
    async function look(): Promise<void> {
      const as = { authorization: `Bearer ${hub.operator}` };
      const paths = [
        "compute/hosts?pageSize=100",
        "conflicts",
        "holds",
        `sites/${hub.names.site}/quarantine`,
        "compute/instances",
      ];
      for (const path of paths) {
        const answer = await hub.ask({ method: "GET", url: `${PROJECT}/${path}`, headers: as });
        hub.complaints.none();
        mustHold(
          answer.status === 200 && answer.json !== undefined,
          `${path} answers ${answer.status}: ${answer.text}`,
        );
      }
    }

    await send([]);
    return {
      together: TOGETHER,
      generate: (random) => entryValue(random),
      async feed(input) {
        fed += 1;
        const entries = (input as readonly Input[]).map((entry) => {
          const isNew = JSON.stringify(entry).includes("{lent}");
          const id = `host-${((isNew ? lent.pop() : lent.at(-1)) ?? 0).toString(16).padStart(8, "0")}`;
          return filled(entry, { ...hub.names, lent: id });
        });
        const begin = first;
        const { outcomes } = await send(entries);
        if (fed % LOOK_EVERY === 0) await look();
        return entries.map((_, at) => {
          const outcome = outcomes.find(({ seq }) => seq === begin + at);
          mustHold(outcome?.result !== "quarantined" || Boolean(outcome.reason), "it is set aside without a reason");
          return outcome?.result === "quarantined" ? "refused" : "accepted";
        });
      },
      finish: look,
      close: () => hub.close(),
    };
  },
};
