import { Host } from "@holdfast/protocol/kinds/host";
import type { Kind } from "@holdfast/protocol/kinds/kind";
import { RepeatedSchedule, SingleSchedule } from "@holdfast/protocol/kinds/schedule";
import { TelemetryLogsProfile } from "@holdfast/protocol/kinds/telemetry";
import type { UplinkBatch } from "@holdfast/protocol/uplink";
import { systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { addLentIds } from "../outbox/id-pool.ts";
import { seal } from "../outbox/seal.ts";
import { startStream } from "../outbox/stream.ts";
import { lookAgain } from "../replica/look-again.ts";
import { AuthorityHub, meeting } from "../testing/authority-hub.ts";
import { gone, OF, SITE, SITE_SCOPE, TENANT, TestSite } from "../testing/test-site.ts";
import { Outcomes, recordOutcome, refusedIntents } from "./outcomes.ts";
import { SiteInventory } from "./site-inventory.ts";

type Fields = Readonly<Record<string, unknown>>;
const ALICE = { actor: "operator:alice", token: "token-alice", tenant: TENANT };
const MAINTENANCE = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE" };
/** By the clock of the site, which is thirty years behind that of the hub: what is about to begin here is long past there. */
const NOW = 1_000_000;
const SOON = { ...MAINTENANCE, startSeconds: 2_000, endSeconds: 3_000 };
const NIGHTLY = {
  ...MAINTENANCE,
  ...{ durationSeconds: 600, cronMinutes: "0", cronHours: "2", cronDayMonth: "*", cronMonth: "*", cronDayWeek: "*" },
};

/** By the clock of the hub. */
const LATER = { ...MAINTENANCE, startSeconds: 4_000_000_000 };

type It = Awaited<ReturnType<typeof cutOff>>;

/** A site that is cut off, with a host of its own and one that is free. */
async function cutOff() {
  const [hub, site] = [await AuthorityHub.open(), await TestSite.open()];
  const own = await hub.create(Host, { name: "own", siteId: SITE });
  const free = await hub.create(Host, { name: "free" });
  await hub.show(site);
  await site.write((tx) => addLentIds(tx, { first: 0x9000_0000, count: 4 }));
  const inventory = new SiteInventory({
    ...{ ...site, intents: site.intents, outcomes: new Outcomes(site.store, systemClock), clock: { now: () => NOW } },
    replicaOf: async () => OF,
  });
  return {
    ...{ hub, site, own, free },
    create: (kind: Kind, fields: Fields) => inventory.create(kind, { ...ALICE, fields }),
    update: (kind: Kind, id: string, fields: Fields) => inventory.update(kind, { ...ALICE, id, fields }),
    remove: (kind: Kind, id: string) => inventory.remove(kind, { ...ALICE, id }),
    pending: () => site.store.read((view) => siteTables(view).selectFrom("local_intent").select("id").execute()),
    ...meeting(hub, site),
  };
}

test("a cut-off site sets its own host aside at once, and the hub takes that however late it hears (rule 12)", async () => {
  await using it = await cutOff();
  const single = await it.create(SingleSchedule, { ...SOON, targetHostId: it.own });
  expect(single).toMatchObject({ resourceId: "singlesche-90000000", owner: SITE, fields: { ...SOON, name: "" } });
  const repeated = await it.create(RepeatedSchedule, { ...NIGHTLY, targetHostId: it.own, timezone: "Europe/Oslo" });
  await it.meet();
  expect(await it.site.store.read(refusedIntents)).toEqual([]);
  for (const [kind, made] of [
    [SingleSchedule, single],
    [RepeatedSchedule, repeated],
  ] as const) {
    const atHub = await it.hub.get(kind, made.resourceId);
    expect(atHub).toMatchObject({ owner: SITE, fields: made.fields });
    expect(await it.site.get(kind, made.resourceId)).toMatchObject({ owner: SITE, fields: made.fields });
  }
  expect(await it.pending()).toEqual([]);
});

test("it is moved to later and to earlier, made endless and ended, and no step of that ends before it begins", async () => {
  await using it = await cutOff();
  const { resourceId: id } = await it.create(SingleSchedule, { ...SOON, targetHostId: it.own });
  const other = (await it.create(Host, { name: "other" })).resourceId;
  for (const fields of [
    { startSeconds: 4_000, endSeconds: 5_000 },
    { startSeconds: 1_100, endSeconds: 1_200 },
    { startSeconds: 2_000, endSeconds: null },
    { startSeconds: 1_001, endSeconds: 1_500, targetHostId: other },
  ]) {
    const shown = await it.update(SingleSchedule, id, fields);
    await it.meet();
    expect((await it.hub.get(SingleSchedule, id))?.fields, JSON.stringify(fields)).toEqual(shown.fields);
    expect((await it.site.get(SingleSchedule, id))?.fields).toEqual(shown.fields);
  }
  expect(await it.site.store.read(refusedIntents)).toEqual([]);
});

test("what is written at the hub meanwhile becomes a conflict, and stands (rules 1, 3)", async () => {
  await using it = await cutOff();
  const { resourceId: id } = await it.create(SingleSchedule, { ...SOON, targetHostId: it.own });
  await it.meet();
  await it.update(SingleSchedule, id, { endSeconds: 2_500 });
  await it.hub.update(SingleSchedule, id, { endSeconds: 2_700 });
  await it.meet();
  expect(it.hub.outcomes.at(-1)).toMatchObject({ result: "conflict", standing: { value: 2_700 } });
  expect((await it.site.get(SingleSchedule, id))?.fields).toMatchObject({ endSeconds: 2_700 });
});

test.each([
  ["that the hub made", (it: It) => it.hub.create(SingleSchedule, { ...LATER, targetHostId: it.own })],
  ["made here", async (it: It) => (await it.create(SingleSchedule, { ...SOON, targetHostId: it.own })).resourceId],
])(
  "maintenance %s is deleted at a cut-off site: gone there at once, at the hub when it hears of it",
  async (_, make) => {
    await using it = await cutOff();
    const id = await make(it);
    await it.meet();
    await it.remove(SingleSchedule, id);
    expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
    // What the hub says before it has heard of it brings nothing back.
    await it.hub.show(it.site);
    expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
    await it.hub.take(it.site);
    expect(await it.hub.get(SingleSchedule, id)).toBeUndefined();
    expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
    expect(await it.pending()).toHaveLength(1);
    await it.hub.show(it.site);
    expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
    expect(await it.pending()).toEqual([]);
    expect(await it.site.store.read(refusedIntents)).toEqual([]);
    await expect(it.remove(SingleSchedule, id)).rejects.toMatchObject({ code: "NotFound" });
  },
);

test("what is made, changed and deleted while cut off never shows at the hub, and is in its history", async () => {
  await using it = await cutOff();
  const { resourceId: id } = await it.create(RepeatedSchedule, { ...NIGHTLY, targetHostId: it.own });
  await it.update(RepeatedSchedule, id, { durationSeconds: 900 });
  await it.remove(RepeatedSchedule, id);
  await it.meet();
  expect(it.hub.outcomes.map(({ result }) => result)).toEqual(["applied", "applied", "applied"]);
  expect(await it.hub.get(RepeatedSchedule, id)).toBeUndefined();
  expect(await it.site.get(RepeatedSchedule, id)).toBeUndefined();
  expect(await it.pending()).toEqual([]);
  const told = await it.hub.store.read((view) => view.changes(TENANT, 0, 100));
  expect(told.filter((change) => change.id === id).map(({ operation }) => operation)).toEqual([
    ...["create", "update", "delete"],
  ]);
});

test("what somebody at the hub has changed since it was seen is not deleted: it shows again, and the site is told why", async () => {
  await using it = await cutOff();
  const id = await it.hub.create(RepeatedSchedule, { ...NIGHTLY, targetHostId: it.own });
  await it.hub.show(it.site);
  await it.remove(RepeatedSchedule, id);
  await it.hub.update(RepeatedSchedule, id, { durationSeconds: 900 });
  await it.meet();
  expect(it.hub.outcomes).toMatchObject([
    ...[{ result: "conflict", reason: "somebody else has written durationSeconds" }],
  ]);
  expect(await it.hub.get(RepeatedSchedule, id)).toMatchObject({ fields: { durationSeconds: 900 } });
  expect(await it.site.get(RepeatedSchedule, id)).toMatchObject({ fields: { durationSeconds: 900 } });
  expect(await it.pending()).toEqual([]);
  // Whoever has seen that may delete it.
  await it.remove(RepeatedSchedule, id);
  await it.meet();
  expect(await it.hub.get(RepeatedSchedule, id)).toBeUndefined();
});

test("what the hub has deleted too is gone on both sides, and nobody has to choose", async () => {
  await using it = await cutOff();
  const id = await it.hub.create(SingleSchedule, { ...LATER, targetHostId: it.own });
  await it.hub.show(it.site);
  await it.remove(SingleSchedule, id);
  await it.hub.authority.remove(SingleSchedule, { actor: "operator:hub", tenant: TENANT, id });
  await it.hub.take(it.site);
  expect(it.hub.outcomes).toMatchObject([{ result: "applied", reason: `single_schedule ${id} is gone` }]);
  // Until the feed says so, what the replica still holds stays hidden (rule 2).
  expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
  await it.hub.show(it.site);
  expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
  expect(await it.pending()).toEqual([]);
});

test("a deletion is said again in a new stream, and to another life of the hub after what the replica holds (rules 7, 20)", async () => {
  await using it = await cutOff();
  const id = await it.hub.create(SingleSchedule, { ...LATER, targetHostId: it.own });
  await it.hub.show(it.site);
  await it.remove(SingleSchedule, id);
  const sealed = await it.site.write((tx) => seal(tx, { site: SITE, tenant: TENANT, now: 1 }));
  expect(sealed?.body).toContain('"delete"');
  const start = { reason: "epoch", epoch: "epoch-2", site: SITE, tenant: TENANT, now: 2_000_000 } as const;
  await it.site.write((tx) => startStream(tx, it.site.outbox, start));
  const again = await it.site.write((tx) => seal(tx, { site: SITE, tenant: TENANT, now: 1 }));
  const entries = (JSON.parse(again?.body ?? "") as UplinkBatch).entries as { type: string; id: string }[];
  const about = entries.filter((entry) => entry.id === id).map(({ type }) => type);
  expect(about).toEqual(["replica-row", "delete"]);
  expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
});

test("a hub that is put back to before a deletion is told of it again, and brings nothing back (rule 20)", async () => {
  await using it = await cutOff();
  const id = await it.hub.create(SingleSchedule, { ...LATER, targetHostId: it.own });
  await it.hub.show(it.site);
  await it.remove(SingleSchedule, id);
  await it.meet();
  expect(await it.pending()).toEqual([]);
  const again = async (epoch: string) => {
    const start = { reason: "epoch", epoch, site: SITE, tenant: TENANT, now: 2_000_000 } as const;
    await it.site.write((tx) => startStream(tx, it.site.outbox, start));
    const sealed = await it.site.write((tx) => seal(tx, { site: SITE, tenant: TENANT, now: 1 }));
    const { entries } = JSON.parse(sealed?.body ?? "") as UplinkBatch;
    return (entries as { type: string; id: string; intent: string }[]).filter((entry) => entry.id === id);
  };
  const [said] = await again("epoch-2");
  expect(said).toMatchObject({ type: "delete", kind: "single_schedule" });
  // Where somebody has to choose now, it is not asked for a second time.
  const outcome = { seq: 1, intent: said?.intent ?? "", result: "conflict" } as const;
  await it.site.write((tx) => recordOutcome(tx, outcome));
  expect(await again("epoch-3")).toEqual([]);
});

test("a deletion that shows is still there after a crash", async () => {
  await using it = await cutOff();
  const id = await it.hub.create(SingleSchedule, { ...LATER, targetHostId: it.own });
  await it.hub.show(it.site);
  await it.remove(SingleSchedule, id);
  await it.site.reopen();
  await lookAgain(it.site.store, OF, { protocolVersion: 99, now: 1 });
  expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
  expect(await it.pending()).toHaveLength(1);
});

test("a site of which the host goes away shows its maintenance no more, and one that it comes to does", async () => {
  await using it = await cutOff();
  const id = await it.hub.create(SingleSchedule, {
    ...MAINTENANCE,
    startSeconds: 4_000_000_000,
    targetHostId: it.free,
  });
  await it.hub.show(it.site);
  expect(await it.site.get(SingleSchedule, id)).not.toHaveProperty("owner");
  await it.update(Host, it.free, { siteId: SITE });
  await it.meet();
  expect(await it.site.get(SingleSchedule, id)).toMatchObject({ owner: SITE });
  await it.site.feed(SITE_SCOPE, 1_000, [gone("host", it.free), gone("single_schedule", id)]);
  expect(await it.site.get(SingleSchedule, id)).toBeUndefined();
  expect(await it.site.get(Host, it.free)).toBeUndefined();
});

test.each<readonly [string, (it: It) => Promise<unknown>, RegExp]>([
  [
    "of a host that no site manages",
    (it) => it.create(SingleSchedule, { ...SOON, targetHostId: it.free }),
    /^targetHostId|^scheduleStatus: .* is at no site/,
  ],
  [
    "of the site itself",
    (it) => it.create(SingleSchedule, { ...SOON, targetSiteId: SITE }),
    /^targetHostId: at a site/,
  ],
  [
    "that the hub made for the site",
    async (it) => {
      await it.hub.create(RepeatedSchedule, { ...NIGHTLY, targetSiteId: SITE });
      await it.hub.show(it.site);
      const [made] = await it.site.store.read((view) => view.find(RepeatedSchedule, {}, TENANT));
      return it.update(RepeatedSchedule, made?.resourceId ?? "", { name: "mine" });
    },
    /^targetHostId: at a site/,
  ],
  [
    "turned from its host to the site",
    async (it) => {
      const { resourceId: id } = await it.create(SingleSchedule, { ...SOON, targetHostId: it.own });
      return it.update(SingleSchedule, id, { targetHostId: null, targetSiteId: SITE });
    },
    /^targetHostId: at a site/,
  ],
  [
    "turned to a host that is not the site's",
    async (it) => {
      const { resourceId: id } = await it.create(SingleSchedule, { ...SOON, targetHostId: it.own });
      return it.update(SingleSchedule, id, { targetHostId: it.free });
    },
    /is at no site/,
  ],
  [
    "of the site itself, deleted",
    async (it) => {
      const id = await it.hub.create(RepeatedSchedule, { ...NIGHTLY, targetSiteId: SITE });
      await it.hub.show(it.site);
      return it.remove(RepeatedSchedule, id);
    },
    /^targetHostId: at a site/,
  ],
  [
    "that is none, but telemetry",
    (it) => it.create(TelemetryLogsProfile, { logLevel: "SEVERITY_LEVEL_INFO" }),
    /^a telemetry_logs_profile is made, changed and deleted at the hub/,
  ],
])("maintenance %s is the hub's to write", async (_what, ask, message) => {
  await using it = await cutOff();
  const refused = await ask(it).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "PermissionDenied", message: expect.stringMatching(message) });
});

test("maintenance that begins before now is refused by the clock of the site", async () => {
  await using it = await cutOff();
  const asked = it.create(SingleSchedule, { ...SOON, targetHostId: it.own, startSeconds: 1_000 });
  await expect(asked).rejects.toMatchObject({ code: "InvalidArgument", fields: ["startSeconds"] });
});
