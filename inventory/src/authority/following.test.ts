import {
  Host,
  KINDS,
  kindNamed,
  Region,
  type Resource,
  SingleSchedule,
  Site,
  siteScope,
  TelemetryLogsGroup,
  TelemetryLogsProfile,
  tenantScope,
} from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { bodyOf } from "./feed-rows.ts";
import { Harness, TENANT } from "./harness.ts";

const SHARED = tenantScope(TENANT);
const PLAN = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE", startSeconds: 2_000_000_000 };

const scheduleOf = (hub: Harness, target: Readonly<Record<string, unknown>>) =>
  hub.add(SingleSchedule, { ...PLAN, ...target });

/** Two sites, each with a host, and a schedule for the host of the first. */
async function twoSites() {
  const hub = await Harness.open();
  const [oslo, bergen] = [(await hub.site("Oslo")).resourceId, (await hub.site("Bergen")).resourceId];
  const [host, other] = [await hub.host({ siteId: oslo }), await hub.host({ siteId: bergen })];
  const schedule = await scheduleOf(hub, { targetHostId: host.resourceId });
  const feeds = { oslo: siteScope(oslo), bergen: siteScope(bergen) };
  return { hub, oslo, bergen, host, other, schedule, feeds, [Symbol.asyncDispose]: () => hub.store.close() };
}

/** Of a feed's newest rows, those about these, in their order. */
async function rowsAbout(hub: Harness, scope: Parameters<Harness["feed"]>[0], resources: readonly Resource[]) {
  const ids = resources.map(({ resourceId }) => resourceId);
  return (await hub.feed(scope)).filter((row) => ids.includes(row.replace(/^-/, "")));
}

test("every kind that names a machine follows it: a tenant's feed cannot name what is in a site's", () => {
  for (const kind of KINDS) {
    for (const [name, { reference }] of Object.entries(kind.fields)) {
      const target = kindNamed(reference?.kind ?? "");
      if (target?.feed === "machine" || target?.follows !== undefined)
        expect([kind.name, kind.follows]).toEqual([kind.name, name]);
    }
  }
});

describe("what follows a machine", () => {
  test("is shown to the site that manages the machine and to no other; without one to all", async () => {
    await using at = await twoSites();
    const { hub, oslo, schedule, feeds } = at;
    expect(await hub.get(schedule)).toMatchObject({ owner: oslo });
    expect(await hub.feed(feeds.oslo)).toContain(schedule.resourceId);
    expect(await hub.body(feeds.oslo, schedule)).toMatchObject({ owner: oslo });
    const region = await hub.add(Region, { name: "Norway" });
    const shared = [
      await scheduleOf(hub, { targetSiteId: oslo }),
      await scheduleOf(hub, { targetRegionId: region.resourceId }),
      await scheduleOf(hub, { targetHostId: (await hub.host()).resourceId }),
    ];
    expect(await rowsAbout(hub, SHARED, [schedule, ...shared])).toEqual(shared.map(({ resourceId }) => resourceId));
    for (const each of shared) expect(await hub.get(each)).not.toHaveProperty("owner");
  });

  test("goes with a machine that is claimed, moved and let go, before it and after it as references need", async () => {
    await using at = await twoSites();
    const { hub, oslo, bergen, feeds } = at;
    const host = await hub.host();
    const schedule = await scheduleOf(hub, { targetHostId: host.resourceId });
    const instance = await hub.instance(host);
    const all = [host, instance, schedule];
    const shown = all.map(({ resourceId }) => resourceId);
    const gone = shown.map((id) => `-${id}`).reverse();
    await hub.set(host, { siteId: oslo });
    expect(await rowsAbout(hub, SHARED, all)).toEqual(gone);
    expect(await rowsAbout(hub, feeds.oslo, all)).toEqual(shown);
    await hub.set(host, { siteId: bergen });
    expect(await rowsAbout(hub, feeds.oslo, all), "until it is let go").toEqual(
      [instance, schedule, host].map(({ resourceId }) => resourceId),
    );
    await hub.release(host, oslo, "moved");
    expect(await rowsAbout(hub, feeds.oslo, all)).toEqual(gone);
    expect(await rowsAbout(hub, feeds.bergen, all)).toEqual(shown);
    expect(await hub.get(schedule)).toMatchObject({ owner: bergen, generation: 1 });
    await hub.set(host, { siteId: null });
    const { tenant, resourceId: id } = host;
    await hub.store.write((tx) => hub.authority.forceReleaseIn(tx, { actor: "operator:alice", tenant, id }));
    expect(await rowsAbout(hub, feeds.bergen, all)).toEqual(gone);
    expect(await rowsAbout(hub, SHARED, all)).toEqual(shown);
    expect(await hub.get(schedule)).not.toHaveProperty("owner");
  });

  test("goes with what it follows in turn", async () => {
    await using at = await twoSites();
    const { hub, oslo, bergen, host, feeds } = at;
    const instance = await hub.instance(host);
    const { resourceId: logsGroupId } = await hub.add(TelemetryLogsGroup, {
      ...{ name: "all", collectorKind: "TELEMETRY_COLLECTOR_KIND_HOST", groups: [] },
    });
    const level = { logLevel: "SEVERITY_LEVEL_INFO", logsGroupId };
    const fields = { ...level, targetInstance: instance.resourceId };
    const profile = await hub.authority.create(TelemetryLogsProfile, {
      actor: "operator:alice",
      tenant: TENANT,
      fields,
    });
    const all = [host, instance, profile].map(({ resourceId }) => resourceId);
    expect(profile.owner).toBe(oslo);
    await hub.set(host, { siteId: bergen });
    await hub.release(host, oslo, "moved");
    const about = async (scope: typeof feeds.oslo) => rowsAbout(hub, scope, [host, instance, profile]);
    expect(await about(feeds.oslo)).toEqual(all.map((id) => `-${id}`).reverse());
    expect(await about(feeds.bergen)).toEqual(all);
  });

  test("changes feeds when it is about another machine, or about none", async () => {
    await using at = await twoSites();
    const { hub, bergen, other, schedule, feeds } = at;
    await hub.set(schedule, { targetHostId: other.resourceId });
    expect(await rowsAbout(hub, feeds.oslo, [schedule])).toEqual([`-${schedule.resourceId}`]);
    expect(await rowsAbout(hub, feeds.bergen, [schedule])).toEqual([schedule.resourceId]);
    await hub.set(schedule, { targetHostId: null, targetSiteId: bergen });
    expect(await rowsAbout(hub, feeds.bergen, [schedule])).toEqual([`-${schedule.resourceId}`]);
    expect(await hub.body(SHARED, schedule)).not.toHaveProperty("owner");
  });

  test("cannot begin to follow what is being deleted", async () => {
    await using at = await twoSites();
    const { hub, host, other } = at;
    const elsewhere = await scheduleOf(hub, { targetHostId: other.resourceId });
    await hub.remove(host);
    const refused = { code: "FailedPrecondition", message: expect.stringContaining(host.resourceId) };
    await expect(scheduleOf(hub, { targetHostId: host.resourceId })).rejects.toMatchObject(refused);
    await expect(hub.set(elsewhere, { targetHostId: host.resourceId })).rejects.toMatchObject(refused);
  });
});

describe("what goes along with what it is about", () => {
  test("is there until its machine is let go for good, and is gone then, for ever", async () => {
    await using at = await twoSites();
    const { hub, oslo, host, schedule, feeds } = at;
    await hub.remove(host);
    expect(await hub.get(schedule)).toBeDefined();
    await hub.release(host, oslo, "deleted");
    expect(await rowsAbout(hub, feeds.oslo, [host, schedule])).toEqual([
      `-${schedule.resourceId}`,
      `-${host.resourceId}`,
    ]);
    const again = hub.authority.create(SingleSchedule, {
      ...{ actor: "operator:alice", tenant: TENANT, id: schedule.resourceId },
      fields: { ...PLAN, targetSiteId: oslo },
    });
    await expect(again).rejects.toMatchObject({ message: expect.stringContaining("was made before and is gone") });
    const changes = await hub.store.read((view) => view.changes(TENANT, 0, 99));
    expect(changes.filter(({ operation }) => operation === "delete").map(({ id }) => id)).toEqual([
      schedule.resourceId,
      host.resourceId,
    ]);
  });

  test("is gone with a machine that nobody manages, and with one that is deleted by force", async () => {
    await using at = await twoSites();
    const { hub, host, schedule } = at;
    const free = await hub.host();
    const ofFree = await scheduleOf(hub, { targetHostId: free.resourceId });
    await hub.remove(free);
    expect(await hub.get(ofFree)).toBeUndefined();
    const { tenant, resourceId: id } = host;
    await hub.store.write((tx) => hub.authority.forceDeleteIn(tx, { actor: "operator:alice", tenant, id }));
    expect(await hub.get(schedule)).toBeUndefined();
  });

  test("is gone with its site or region, unless something else still needs that: then all stay", async () => {
    await using at = await twoSites();
    const { hub } = at;
    const region = await hub.add(Region, { name: "Norway" });
    const site = await hub.add(Site, { name: "Tromso", regionId: region.resourceId });
    const ofRegion = await scheduleOf(hub, { targetRegionId: region.resourceId });
    const ofSite = await scheduleOf(hub, { targetSiteId: site.resourceId });
    await expect(hub.remove(region)).rejects.toMatchObject({ message: expect.stringContaining(site.resourceId) });
    expect(await hub.get(ofRegion)).toBeDefined();
    await hub.remove(site);
    expect(await hub.get(ofSite)).toBeUndefined();
    await hub.remove(region);
    expect(await rowsAbout(hub, SHARED, [ofRegion, region])).toEqual([
      `-${ofRegion.resourceId}`,
      `-${region.resourceId}`,
    ]);
  });
});

describe("a site, of what follows a machine,", () => {
  const made = (hub: Harness, owner: string, fields: Readonly<Record<string, unknown>>) =>
    hub.store.write((tx) =>
      hub.authority.createIn(tx, SingleSchedule, {
        ...{ actor: "operator:bob", tenant: TENANT, owner, write: `made-${JSON.stringify(fields)}` },
        fields: { ...PLAN, ...fields },
      }),
    );

  test("makes what is about its own machines alone", async () => {
    await using at = await twoSites();
    const { hub, oslo, host, other } = at;
    expect((await made(hub, oslo, { targetHostId: host.resourceId })).resource).toMatchObject({ owner: oslo });
    const denied = { code: "PermissionDenied", fields: ["targetHostId"] };
    await expect(made(hub, oslo, { targetHostId: other.resourceId })).rejects.toMatchObject(denied);
    await expect(made(hub, oslo, { targetSiteId: oslo })).rejects.toMatchObject(denied);
    const nothing = made(hub, oslo, { targetHostId: "host-0000dead" });
    await expect(nothing).rejects.toMatchObject({ code: "InvalidArgument", fields: ["targetHostId"] });
  });

  test("neither makes nor edits what is the hub's to write, although its own machine is meant", async () => {
    await using at = await twoSites();
    const { hub, oslo, host } = at;
    const instance = await hub.instance(host);
    const group = { name: "all", collectorKind: "TELEMETRY_COLLECTOR_KIND_HOST", groups: [] };
    const { resourceId: logsGroupId } = await hub.add(TelemetryLogsGroup, group);
    const fields = { logLevel: "SEVERITY_LEVEL_INFO", logsGroupId, targetInstance: instance.resourceId };
    const request = { actor: "operator:bob", tenant: TENANT, owner: oslo, fields };
    const denied = { code: "PermissionDenied", message: expect.stringContaining("at the hub") };
    const asked = hub.store.write((tx) => hub.authority.createIn(tx, TelemetryLogsProfile, request));
    await expect(asked).rejects.toMatchObject(denied);
    const { resourceId: id } = await hub.add(TelemetryLogsProfile, fields);
    const edit = { kind: TelemetryLogsProfile, tenant: TENANT, id, field: "logLevel", value: "SEVERITY_LEVEL_WARN" };
    const by = { base: "", actor: "operator:bob", write: "w", site: oslo };
    await expect(hub.store.write((tx) => hub.authority.editIn(tx, { ...edit, ...by }))).rejects.toMatchObject(denied);
  });

  test("edits what is about its own machines, and keeps it so", async () => {
    await using at = await twoSites();
    const { hub, oslo, bergen, other, schedule } = at;
    const second = await hub.host({ siteId: oslo });
    expect(await hub.edit(schedule, oslo, { field: "name", value: "night" })).toMatchObject({ result: "applied" });
    expect(await hub.edit(schedule, bergen, { field: "name", value: "day", write: "theirs" })).toMatchObject({
      result: "conflict",
      reason: "the site does not manage it",
    });
    const target = (value: string | null, write: string) =>
      hub.edit(schedule, oslo, { field: "targetHostId", value, write });
    for (const value of [other.resourceId, null]) {
      expect(await target(value, `to ${value}`)).toMatchObject({
        result: "conflict",
        reason: "the site does not manage what it would be about",
      });
    }
    expect(await target(second.resourceId, "to its own")).toMatchObject({ result: "applied" });
  });
});

describe("what a site holds of what follows its machines, and the hub has forgotten (rule 20)", () => {
  test("is made again under whoever manages the machine, whatever the row says, and not by another site", async () => {
    await using at = await twoSites();
    const { hub, oslo, bergen, host, schedule } = at;
    const { resourceId: id } = schedule;
    const body = bodyOf(SingleSchedule, schedule);
    const lost = { ...body, creation: "lost" };
    await hub.authority.beginEpoch();
    const forgotten = "singlesche-0000f0f0";
    const denied = hub.recover(SingleSchedule, forgotten, { site: bergen, body: lost });
    await expect(denied).rejects.toMatchObject({ code: "PermissionDenied" });
    await hub.recover(SingleSchedule, forgotten, { site: oslo, body: lost });
    expect(await hub.get({ ...schedule, resourceId: forgotten })).toMatchObject({ owner: oslo });
    expect(await hub.feed(siteScope(oslo))).toContain(forgotten);
    const { owner: _, ...ownerless } = lost;
    await hub.recover(SingleSchedule, "singlesche-0000f0f1", { site: bergen, body: { ...ownerless, creation: "old" } });
    expect(await hub.get({ ...schedule, resourceId: "singlesche-0000f0f1" })).toMatchObject({ owner: oslo });
    const waits = { ...body, creation: "waits", fields: { ...body.fields, targetHostId: "host-0000dead" } };
    const tooEarly = hub.recover(SingleSchedule, "singlesche-0000f0f2", { site: oslo, body: waits });
    await expect(tooEarly).rejects.toMatchObject({ code: "InvalidArgument", fields: ["targetHostId"] });
    expect(await hub.get({ ...host, resourceId: id })).toBeDefined();
  });

  test("follows a machine whose move the hub has forgotten, and another machine that it was about since", async () => {
    await using at = await twoSites();
    const { hub, oslo, bergen, host, other, schedule } = at;
    const epoch = hub.authority.epoch();
    const stamp = (id: string, generation: number) => ({ id, epoch, generation });
    const second = await scheduleOf(hub, { targetHostId: host.resourceId });
    await hub.authority.beginEpoch();
    const retargeted = bodyOf(SingleSchedule, second);
    await hub.recover(SingleSchedule, second.resourceId, {
      site: bergen,
      body: {
        ...retargeted,
        ...{ owner: bergen, generation: 2 },
        stamps: { ...retargeted.stamps, targetHostId: stamp("lost-target", 2) },
        fields: { ...retargeted.fields, targetHostId: other.resourceId },
      },
    });
    expect(await hub.get(second)).toMatchObject({ owner: bergen, fields: { targetHostId: other.resourceId } });
    expect(await rowsAbout(hub, siteScope(oslo), [second])).toEqual([`-${second.resourceId}`]);

    const moved = bodyOf(Host, host);
    await hub.recover(Host, host.resourceId, {
      site: bergen,
      body: {
        ...moved,
        ...{ owner: bergen, generation: 2 },
        stamps: { ...moved.stamps, siteId: stamp("lost-move", 2) },
        fields: { ...moved.fields, siteId: bergen },
      },
    });
    expect(await hub.get(schedule)).toMatchObject({ owner: bergen });
    expect(await rowsAbout(hub, siteScope(bergen), [host, schedule])).toEqual([host.resourceId, schedule.resourceId]);
  });

  test("is about one thing still: a target that would be a second one is a conflict", async () => {
    await using at = await twoSites();
    const { hub, oslo, bergen, other, schedule } = at;
    const stamp = { id: "lost", epoch: hub.authority.epoch(), generation: 2 };
    await hub.authority.beginEpoch();
    await hub.set(schedule, { targetHostId: other.resourceId });
    const body = bodyOf(SingleSchedule, schedule);
    const { targetHostId: _, ...fields } = body.fields;
    const held = {
      ...{ ...body, generation: 2, fields: { ...fields, targetSiteId: bergen } },
      stamps: { ...body.stamps, targetHostId: stamp, targetSiteId: stamp },
    };
    const { conflicts } = await hub.recover(SingleSchedule, schedule.resourceId, { site: oslo, body: held });
    expect(conflicts.map(({ field }) => field).toSorted()).toEqual(["targetHostId", "targetSiteId"]);
    expect((await hub.get(schedule))?.fields).toMatchObject({ targetHostId: other.resourceId });
    expect((await hub.get(schedule))?.fields).not.toHaveProperty("targetSiteId");
  });
});
