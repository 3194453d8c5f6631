import {
  type FeedScope,
  PROTOCOL_VERSION,
  siteScope,
  tenantScope,
  type UplinkReply,
  type Witness,
} from "@holdfast/protocol";
import { silentLog } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { feedPosition } from "../feeds/feed-position.ts";
import { type Answer, Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";
import { createReceipts } from "../receipts.ts";
import { createHistory } from "./history.ts";
import { snapshotOf } from "./rolled-back-hub.ts";

const event = (id: string) => ({ type: "event", id, kind: "host", subject: "s", event: "e", at: 1 });

/** What a site keeps of the hub's word. */
function cursorWitness({ body }: Answer): Witness {
  const { stream, cursor, receipt } = body as Required<UplinkReply>;
  return { epoch: stream.epoch, cursor: { incarnation: stream.incarnation, cursor, receipt }, feed: [] };
}

/** The receipt at the end of a scope, as its shape says it. */
async function feedWitness(hub: TestHub, site: TestSite, scope: FeedScope): Promise<Witness> {
  const query = new URLSearchParams({ table: "feed", where: `scope = '${scope}'`, offset: "-1" });
  const response = await fetch(`${hub.url}/v1/shape?${query}`, { headers: site.headers });
  const messages = (await response.json()) as { headers: Record<string, string> }[];
  const { receipt = "", receipt_seq, receipt_epoch = "" } = messages.at(-1)?.headers ?? {};
  return { epoch: receipt_epoch, feed: [{ scope, seq: Number(receipt_seq), receipt }] };
}

const contact = (hub: TestHub, site: TestSite, witness?: Witness) =>
  hub.ask("POST", `/v1/sites/${site.id}/contact`, { ...(witness ? { witness } : {}) }, site.token);

async function holdsOf(hub: TestHub): Promise<unknown[]> {
  const rows = await hub.hub.store.read((view) =>
    view.tables<{ hub_hold: { site: string; reason: string } }>().selectFrom("hub_hold").selectAll().execute(),
  );
  return rows.map(({ site, reason }) => [site, reason]).sort();
}

async function start() {
  const hub = await startTestHub();
  const [site, other] = [await hub.site(), await hub.site()];
  return { hub, site, other, sender: new Sender(hub, site) };
}

test("a batch with the hub's receipt beyond its cursor begins another life, and holds every site (rules 7, 21)", async () => {
  const { hub: opened, site, other, sender } = await start();
  await using hub = opened;
  await sender.send([event("a")]);
  const putBack = await snapshotOf(hub);
  const witness = cursorWitness(await sender.send([event("b")]));
  const position = await hub.hub.store.read(feedPosition);
  await putBack();
  const lost = hub.hub.authority.epoch();
  expect(lost).toBe(sender.epoch);
  const { status, body } = await sender.send([event("c")], { witness });
  const epoch = hub.hub.authority.epoch();
  expect([status, body]).toMatchObject([409, { code: "Aborted", reason: "epoch", epoch, expected: 1 }]);
  expect([hub.hub.authority.lineage(), epoch === lost]).toEqual([[lost, epoch], false]);
  expect(await hub.hub.store.read(feedPosition)).toBeGreaterThan(position);
  expect(await holdsOf(hub)).toEqual([site, other].map(({ id }) => [id, "hub-rolled-back"]).sort());
  const reborn = new Sender(hub, site);
  expect((await reborn.send([event("d")], { witness })).status).toBe(200);
  expect(hub.hub.authority.epoch()).toBe(epoch);
});

test("a gap without proof is refused for that site alone (rule 7)", async () => {
  const { hub: opened, other, sender } = await start();
  await using hub = opened;
  await sender.send([event("a")]);
  const putBack = await snapshotOf(hub);
  await sender.send([event("b")]);
  await putBack();
  expect((await sender.send([event("c")])).body).toMatchObject({ reason: "gap", expected: 2, epoch: sender.epoch });
  expect(hub.hub.authority.epoch()).toBe(sender.epoch);
  expect((await new Sender(hub, other).send([event("d")])).status).toBe(200);
  expect(await holdsOf(hub)).toEqual([]);
});

test("a receipt that was forged, or given to another site, proves nothing", async () => {
  const { hub: opened, other, sender } = await start();
  await using hub = opened;
  const theirs = cursorWitness(await new Sender(hub, other).send([event("x"), event("y"), event("z")]));
  const own = cursorWitness(await sender.send([event("a")]));
  const forged = { ...own, cursor: { incarnation: 1, cursor: 7, receipt: own.cursor?.receipt ?? "" } };
  for (const witness of [theirs, forged]) expect((await sender.send([event("b")], { witness })).status).toBe(200);
  expect(hub.hub.authority.lineage()).toHaveLength(1);
});

test("a contact proves it as well, by how far the site has followed either of its feeds", async () => {
  for (const scopeOf of [(site: TestSite) => siteScope(site.id), (site: TestSite) => tenantScope(site.tenant)]) {
    const { hub: opened, site } = await start();
    await using hub = opened;
    expect((await contact(hub, site)).body).toEqual({
      epoch: hub.hub.authority.epoch(),
      position: await hub.hub.store.read(feedPosition),
      protocol: PROTOCOL_VERSION,
    });
    const putBack = await snapshotOf(hub);
    await hub.hub.store.write((tx) => tx.appendFeed(scopeOf(site), "thing", "later", { n: 1 }));
    const witness = await feedWitness(hub, site, scopeOf(site));
    expect((await contact(hub, site, witness)).status).toBe(200);
    await putBack();
    const { status, body } = await contact(hub, site, witness);
    expect([status, body]).toMatchObject([409, { reason: "epoch", epoch: hub.hub.authority.epoch() }]);
    expect(hub.hub.authority.lineage()).toHaveLength(2);
  }
});

test("however many sites prove it at once, one other life begins", async () => {
  const { hub: opened, site, other, sender } = await start();
  await using hub = opened;
  const second = new Sender(hub, other);
  const putBack = await snapshotOf(hub);
  const witnesses = [cursorWitness(await sender.send([event("a")])), cursorWitness(await second.send([event("b")]))];
  await putBack();
  const answers = await Promise.all([
    sender.send([event("c")], { witness: witnesses[0] as Witness }),
    second.send([event("d")], { witness: witnesses[1] as Witness }),
    contact(hub, site, witnesses[0]),
    contact(hub, other, witnesses[1]),
  ]);
  expect(answers.map(({ body }) => body.epoch)).toEqual(answers.map(() => hub.hub.authority.epoch()));
  expect(hub.hub.authority.lineage()).toHaveLength(2);
});

test("a receipt of a life that the hub does not know proves that it was put back to before that life (rule 7)", async () => {
  const { hub: opened, site, other, sender } = await start();
  await using hub = opened;
  await sender.send([event("a")]);
  const putBack = await snapshotOf(hub);
  await hub.hub.authority.beginEpoch({ beyond: 0 });
  const inTheNext = new Sender(hub, site);
  const witness = cursorWitness(await inTheNext.send([event("b"), { type: "recovered", rows: 0, lineage: [] }]));
  await putBack();
  const theirs = { ...witness, cursor: cursorWitness(await new Sender(hub, other).send([event("x")])).cursor };
  const again = new Sender(hub, site, 2);
  expect((await again.send([event("c")], { witness: theirs as Witness })).status).toBe(200);
  const { status, body } = await again.send([event("d")], { witness });
  const lives = hub.hub.authority.lineage();
  expect([status, body]).toMatchObject([409, { reason: "epoch", epoch: lives.at(-1), expected: 1 }]);
  expect([lives.length, lives.includes(witness.epoch)]).toEqual([2, false]);
  expect(await holdsOf(hub)).toEqual([site, other].map(({ id }) => [id, "hub-rolled-back"]).sort());
  // A life that is to be told all loses nothing by it, and the batch that told it all may come twice.
  const telling = new Sender(hub, site, 2);
  const batch = telling.seal([{ type: "recovered", rows: 0, lineage: [] }], { witness });
  const told = await telling.post(batch);
  expect(told.status).toBe(200);
  expect((await telling.post(batch)).body).toEqual(told.body);
  expect(hub.hub.authority.lineage()).toEqual(lives);
});

test("what was lost in a life that is over begins no other, also when it is told while one begins", async () => {
  const lives = ["e1"];
  const authority = {
    epoch: () => lives.at(-1) ?? "",
    lineage: () => lives,
    async beginEpoch() {
      await new Promise((done) => setImmediate(done));
      lives.push(`e${lives.length + 1}`);
      return authority.epoch();
    },
  };
  await using hub = await startTestHub();
  const receipts = await createReceipts(hub.hub.store);
  const holds = { holdAll: async () => undefined };
  const history = createHistory({ authority, holds, receipts, log: silentLog });
  const loss = { epoch: "e1", beyond: 5 };
  await Promise.all([history.lost(loss, "hub-rolled-back"), history.lost(loss, "hub-rolled-back")]);
  expect(lives).toEqual(["e1", "e2"]);
});

test("a hub keeps its key over restarts, and no two hubs have the same", async () => {
  await using hub = await startTestHub();
  await using another = await startTestHub();
  const signed = { site: "site-00000001", epoch: "e", incarnation: 1, cursor: 1 };
  const of = async (each: TestHub) => (await createReceipts(each.hub.store)).cursor(signed);
  const before = await of(hub);
  await hub.restart();
  expect(await of(hub)).toBe(before);
  expect(await of(another)).not.toBe(before);
});
