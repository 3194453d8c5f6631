import type { UplinkBatch } from "@holdfast/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Answer, Sender, startTestHub, type TestHub } from "../hub-harness.ts";
import type { HubTables } from "../tables.ts";

/** What goes wrong while a batch is on its way. */
type Mishap =
  | { readonly do: "nothing" }
  /** The reply is lost: the site sends again. */
  | { readonly do: "repeat"; readonly times: number }
  /** Copies of this batch arrive at once. */
  | { readonly do: "together"; readonly times: number }
  /** A batch from earlier arrives late, before this one. */
  | { readonly do: "straggler"; readonly age: number }
  /** A batch from the future arrives first. */
  | { readonly do: "overtake" }
  /** The hub restarts between the batch and its repeat. */
  | { readonly do: "restart" };

const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  fc.constant<Mishap>({ do: "nothing" }),
  fc.record({ do: fc.constant("repeat" as const), times: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant("together" as const), times: fc.integer({ min: 2, max: 4 }) }),
  fc.record({ do: fc.constant("straggler" as const), age: fc.integer({ min: 1, max: 5 }) }),
  fc.constant<Mishap>({ do: "overtake" }),
  fc.constant<Mishap>({ do: "restart" }),
);

const sending = fc.record({
  entries: fc.array(fc.constantFrom("event", "poison"), { maxLength: 4 }),
  wantIds: fc.integer({ min: 0, max: 3 }),
  mishap,
});

async function deliver(sender: Sender, sent: UplinkBatch[], { batch, mishap }: { batch: UplinkBatch; mishap: Mishap }) {
  const replies: Answer[] = [];
  const post = async () => replies.push(await sender.post(batch));
  switch (mishap.do) {
    case "nothing":
      break;
    case "repeat":
      for (let count = 0; count < mishap.times; count += 1) await post();
      break;
    case "together":
      await Promise.all(Array.from({ length: mishap.times }, post));
      break;
    case "straggler": {
      const late = sent.at(-1 - mishap.age);
      // The last one applied is answered again; the hub cannot tell an older one from a fork.
      if (late) expect((await sender.post(late)).status).toBe(mishap.age === 1 ? 200 : 409);
      break;
    }
    case "overtake": {
      const ahead = { ...batch, first: batch.first + batch.entries.length + 1 };
      expect((await sender.post(ahead)).body).toMatchObject({ reason: "gap", expected: batch.first });
      break;
    }
    case "restart":
      await post();
      break;
  }
  return { replies, post };
}

async function eventsOf(hub: TestHub, site: string): Promise<string[]> {
  const rows = await hub.hub.store.read((view) =>
    view.tables<HubTables>().selectFrom("event").select("id").where("site", "=", site).orderBy("number").execute(),
  );
  return rows.map((row) => row.id);
}

test("whatever is repeated, reordered or cut off by a restart, every entry has its effect exactly once, in order", async () => {
  await using hub = await startTestHub();
  await fc.assert(
    fc.asyncProperty(fc.array(sending, { minLength: 1, maxLength: 8 }), async (sendings) => {
      const site = await hub.site();
      const sender = new Sender(hub, site);
      const sent: UplinkBatch[] = [];
      const expected: string[] = [];
      const lent = new Set<number>();
      let [poisoned, asked] = [0, 0];
      for (const [at, { entries, wantIds, mishap }] of sendings.entries()) {
        const content = entries.map((kind, index) => {
          const id = `${at}-${index}`;
          if (kind === "poison") return { type: "event", id };
          expected.push(id);
          return { type: "event", id, kind: "host", subject: "s", event: "e", at: 1 };
        });
        poisoned += entries.filter((kind) => kind === "poison").length;
        asked += wantIds;
        const batch = sender.seal(content, { wantIds });
        sent.push(batch);
        const { replies, post } = await deliver(sender, sent, { batch, mishap });
        if (mishap.do === "restart") await hub.restart();
        await post();
        for (const reply of replies) expect(reply).toMatchObject({ status: 200, body: replies[0]?.body });
        const { ids, cursor } = replies[0]?.body ?? {};
        expect(cursor).toBe(sender.next - 1);
        for (let id = 0; id < (ids?.count ?? 0); id += 1) lent.add(ids.first + id);
      }
      expect(await eventsOf(hub, site.id)).toEqual(expected);
      expect(lent.size).toBe(asked);
      const { body } = await hub.ask("GET", `/v1/projects/default/sites/${site.id}/status`);
      expect(body).toMatchObject({ cursor: sender.next - 1, quarantined: poisoned });
    }),
    { numRuns: 25, endOnFailure: true, seed: 1 },
  );
});
