import { Host } from "@holdfast/protocol/kinds/host";
import { type EntryOutcome, LANES } from "@holdfast/protocol/uplink";
import { expect, test } from "vitest";
import { counters } from "../database/counters.ts";
import { siteTables } from "../database/tables.ts";
import { observe } from "../hosts/observe.ts";
import { recordOutcome, refusedIntents } from "../intents/outcomes.ts";
import { readPhase, writePhase } from "../replica/phase.ts";
import { hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { MAX_ARRIVALS } from "./outbox.ts";
import { ASK_AGAIN_AFTER, askAgain } from "./refused-state.ts";
import { acknowledge } from "./reply.ts";
import { seal } from "./seal.ts";

const HOSTS = ["host-00000001", "host-00000002", "host-00000003"];
const [HOST = ""] = HOSTS;

async function emptied(): Promise<TestSite> {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(
    SITE_SCOPE,
    2,
    HOSTS.map((id) => hostRow(id, 2)),
  );
  await site.write((transaction) => siteTables(transaction).deleteFrom("outbox").execute());
  return site;
}

const see = (site: TestSite, id: string, cpuModel: string, now = 5) =>
  site.write((transaction) =>
    observe(transaction, { outbox: site.outbox, of: OF, now }, { id, seen: { fields: { cpuModel } } }),
  );
const level = async (site: TestSite) => (await site.store.read((view) => site.outbox.level(view))).entries;

/** Sends what waits; the hub says `outcomes` of it. Returns the entries. */
async function send(site: TestSite, outcomes: (entries: { type: string; id?: string }[]) => EntryOutcome[] = () => []) {
  return site.write(async (transaction) => {
    const batch = await seal(transaction, { site: SITE, tenant: TENANT, now: 1 });
    if (!batch) return [];
    const { stream, first, entries } = JSON.parse(batch.body);
    const reply = { stream, cursor: first + entries.length - 1, outcomes: outcomes(entries) };
    await acknowledge(transaction, OF, { batch, reply, now: 1_000 });
    return entries as Record<string, unknown>[];
  });
}

const refuses = (entries: { type: string }[]): EntryOutcome[] =>
  entries.flatMap(({ type }, index) =>
    type === "state" ? [{ seq: index + 1, result: "quarantined" as const, reason: "no such host" }] : [],
  );

test("a month of observations leaves as many entries as there are machines (rule 9)", async () => {
  await using site = await emptied();
  for (let day = 0; day < 30; day += 1) for (const id of HOSTS) await see(site, id, `model-${day}`);
  for (let each = 0; each < 100; each += 1) {
    const entry = { type: "credential" as const, hostId: HOST, hash: `${each}`, machine: "m", at: each };
    await site.write((transaction) => site.outbox.add(transaction, entry));
  }
  expect(await level(site)).toBe(HOSTS.length + 1);
  const said = await send(site);
  expect(said).toContainEqual(expect.objectContaining({ type: "credential", hash: "99" }));
  expect(said.filter(({ type }) => type === "state")).toHaveLength(HOSTS.length);
});

test("machines that keep knocking at the wrong site are one entry each, and not more than may be (rule 9)", async () => {
  await using site = await emptied();
  await site.write(async (transaction) => {
    for (let each = 0; each < MAX_ARRIVALS + 10; each += 1) {
      const hostId = `host-${(each % (MAX_ARRIVALS + 5)).toString(16).padStart(8, "0")}`;
      await site.outbox.add(transaction, { type: "arrival", hostId, machine: "m", at: each });
    }
  });
  expect(await level(site)).toBe(MAX_ARRIVALS);
  expect(await site.store.read(counters)).toMatchObject({ "arrivals-dropped": expect.any(Number) });
});

test("observations that the hub could not take are sent again with their next change, and after an hour (rule 9)", async () => {
  await using site = await emptied();
  await see(site, HOST, "6502");
  await send(site, refuses);
  expect(await level(site)).toBe(0);
  const ask = (now: number) =>
    site.write((transaction) => askAgain(transaction, site.outbox, { site: SITE, tenant: TENANT, now }));
  expect(await ask(1_000 + ASK_AGAIN_AFTER - 1)).toBe(0);
  await site.reopen();
  expect(await ask(1_000 + ASK_AGAIN_AFTER)).toBe(1);
  expect(await ask(1_000 + ASK_AGAIN_AFTER + 1)).toBe(0);
  expect(await send(site)).toMatchObject([{ type: "state", id: HOST, fields: { cpuModel: "6502" } }]);
  // Taken now: nothing more to ask for.
  expect(await ask(1_000 + 9 * ASK_AGAIN_AFTER)).toBe(0);
});

test("of several observations in a batch only the one that the hub could not take is sent again", async () => {
  await using site = await emptied();
  for (const id of HOSTS) await see(site, id, "6502");
  const [, second] = HOSTS;
  await send(site, (entries) => refuses(entries).filter((_, index) => entries[index]?.id === second));
  await site.write((tx) => askAgain(tx, site.outbox, { site: SITE, tenant: TENANT, now: 2 * ASK_AGAIN_AFTER }));
  expect((await send(site)).map(({ id }) => id)).toEqual([second]);
});

test("what the hub says of an intent comes with the acknowledgement, and what it set aside is counted (rule 9)", async () => {
  await using site = await emptied();
  const edit = { id: HOST, field: "name", value: "a", actor: "operator:a" };
  const intent = await site.write((transaction) => site.intents.edit(transaction, OF, Host, edit));
  await send(site, () => [{ seq: 1, intent, result: "quarantined", reason: "no" }]);
  expect(await site.store.read((view) => refusedIntents(view))).toMatchObject([{ id: intent, reason: "no" }]);
  expect(await site.store.read(counters)).toMatchObject({ "entries-quarantined": 1 });
});

test("of a thousand machines it is remembered that the hub could not take what was seen, the newest", async () => {
  await using site = await emptied();
  await site.write(async (transaction) => {
    for (let since = 1; since <= 1_001; since += 1) {
      const refused = { kind: "host", id: `host-${since}`, reason: "no", since, asked_at: since };
      await siteTables(transaction).insertInto("refused_state").values(refused).execute();
    }
  });
  await see(site, HOST, "6502");
  await send(site, refuses);
  const left = await site.store.read((view) =>
    siteTables(view).selectFrom("refused_state").select(["id", "since"]).orderBy("since").execute(),
  );
  expect([left.length, left[0]?.since, left.some(({ id }) => id === HOST)]).toEqual([1_000, 3, true]);
});

test("a push of several batches is over when the last one is with the hub, and not before (rule 20)", async () => {
  await using site = await emptied();
  const body = JSON.stringify({ type: "replica-row", body: { name: "x".repeat(200 * 1024) } });
  await site.write(async (transaction) => {
    await writePhase(transaction, { is: "recovering", epoch: OF.epoch });
    const rows = Array.from({ length: 8 }, () => ({ lane: LANES.recovery, key: null, body, sealed: 0, added_at: 1 }));
    await siteTables(transaction).insertInto("outbox").values(rows).execute();
  });
  const phases: string[] = [];
  while ((await send(site)).length > 0) phases.push((await site.store.read(readPhase)).is);
  expect(phases).toEqual(["recovering", "following"]);
});

test("of a machine that is not here any more nothing is asked again", async () => {
  await using site = await emptied();
  await see(site, HOST, "6502");
  await send(site, refuses);
  await site.feed(SITE_SCOPE, 5, [{ is: "gone", kind: "host", id: HOST }]);
  const asked = await site.write((transaction) =>
    askAgain(transaction, site.outbox, { site: SITE, tenant: TENANT, now: 9 * ASK_AGAIN_AFTER }),
  );
  expect(asked).toBe(0);
  const left = await site.store.read((view) => siteTables(view).selectFrom("refused_state").selectAll().execute());
  expect(left).toEqual([]);
});

test("what this life of the site has not seen of a machine is the hub's to keep", async () => {
  await using site = await emptied();
  // Of one that it has not seen at all it says nothing: not even when that was.
  await site.write((transaction) => site.outbox.touch(transaction, "host", HOST));
  expect(await send(site)).toEqual([]);

  await see(site, HOST, "6502", 77);
  const [seen] = await send(site);
  expect(seen).toMatchObject({ sources: { hardware: { source: "agent", at: 77 } }, fields: { cpuModel: "6502" } });
  expect(seen?.keep).toEqual(expect.not.arrayContaining(["hardware"]));
  expect(Object.keys(seen?.fields as object)).not.toContain("hostStatus");
});

test("what a version saw that did not note who saw it counts as seen", async () => {
  await using site = await emptied();
  await site.write(async (transaction) => {
    const host = await transaction.get(Host, TENANT, HOST);
    if (!host) throw new Error("no host");
    await transaction.replace(Host, { ...host, observedAt: 50, fields: { ...host.fields, cpuModel: "6502" } });
    await site.outbox.touch(transaction, "host", HOST);
  });
  const [state] = await send(site);
  expect(state).toMatchObject({ fields: { cpuModel: "6502" } });
  expect(state).not.toHaveProperty("keep");
});

test("each batch shows the newest that the hub has signed, in this life of it alone (rule 7)", async () => {
  await using site = await emptied();
  await site.feed(SITE_SCOPE, 7, [], { receipt: { seq: 7, receipt: "signed-7" } });
  await site.feed(SITE_SCOPE, 8, []);
  await see(site, HOST, "a");
  const sealed = await site.write((transaction) => seal(transaction, { site: SITE, tenant: TENANT, now: 1 }));
  const { witness, stream } = JSON.parse(sealed?.body ?? "");
  expect(witness).toEqual({ epoch: OF.epoch, feed: [{ scope: SITE_SCOPE, seq: 7, receipt: "signed-7" }] });
  const reply = { stream, cursor: 1, outcomes: [], receipt: "signed-1" };
  if (sealed) await site.write((transaction) => acknowledge(transaction, OF, { batch: sealed, reply, now: 1 }));
  await see(site, HOST, "b");
  const next = await site.write((transaction) => seal(transaction, { site: SITE, tenant: TENANT, now: 1 }));
  expect(JSON.parse(next?.body ?? "").witness.cursor).toEqual({
    ...{ incarnation: stream.incarnation, cursor: 1, receipt: "signed-1" },
  });
});

test("of the intents that the hub turned down the newest thousand are kept, and those before counted (rule 9)", async () => {
  await using site = await emptied();
  await site.write(async (transaction) => {
    for (let each = 0; each < 1_003; each += 1) {
      const edit = { id: HOST, field: "name", value: `name-${each}`, actor: "operator:a" };
      const intent = await site.intents.edit(transaction, OF, Host, edit);
      await recordOutcome(transaction, { seq: each, intent, result: "quarantined", reason: "no" });
    }
  });
  const kept = (await site.store.read((view) => refusedIntents(view))).map(({ value }) => value);
  expect(kept).toHaveLength(1_000);
  expect(kept).toContain('"name-1002"');
  expect(kept).not.toContain('"name-2"');
  expect(await site.store.read(counters)).toMatchObject({ "intents-forgotten": 3 });
}, 60_000);
