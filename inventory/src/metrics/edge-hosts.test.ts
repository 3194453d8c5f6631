import { Host, Region, RepeatedSchedule, SingleSchedule, Site } from "@holdfast/protocol";
import { type Clock, systemClock } from "@holdfast/runtime";
import { expect, onTestFinished, test } from "vitest";
import { createAuthority } from "../authority/authority.ts";
import { openSqliteStore } from "../store/sqlite/open.ts";
import { edgeHosts } from "./edge-hosts.ts";

const NOW = Date.parse("2026-03-04T05:06:07Z");
const clock: Clock = { ...systemClock, now: () => NOW, sleep: systemClock.sleep, monotonic: systemClock.monotonic };

async function opened() {
  const store = await openSqliteStore({ path: ":memory:" });
  onTestFinished(() => store.close());
  const authority = await createAuthority({ store, clock });
  const { id: tenant } = await authority.createTenant({ actor: "hub", name: "acme" });
  const by = { actor: "operator:alice", tenant };
  const region = await authority.create(Region, { ...by, fields: { name: "north" } });
  const site = await authority.create(Site, { ...by, fields: { name: "oslo", regionId: region.resourceId } });
  const text = async (silent: readonly string[] = []) => {
    const query = { tenants: [tenant], isSilent: (id: string) => silent.includes(id), now: NOW };
    let all = "";
    for await (const chunk of edgeHosts(store, query)) all += chunk;
    return all;
  };
  const host = (fields: Readonly<Record<string, unknown>>) => authority.create(Host, { ...by, fields });
  return { store, authority, tenant, by, region, site, text, host };
}

test("a host has a series for each known status, one of which is 1, under the labels of EIM's exporter", async () => {
  const { text, tenant, site, host, authority, store } = await opened();
  const uuid = "6f1d1d5e-0000-4000-8000-000000000001";
  const { resourceId } = await host({ name: "till 1", siteId: site.resourceId, serialNumber: "SN12345", uuid });
  const fields = { hostStatus: "Running", onboardingStatus: "Onboarded", hostname: "till-1" };
  const report = {
    kind: Host,
    tenant,
    id: resourceId,
    site: site.resourceId,
    fields,
    observedGeneration: 1,
    observedAt: NOW,
  };
  await store.write((tx) => authority.observeIn(tx, { ...report, sources: {} }));
  const labels = `hostID="${resourceId}",deviceGuid="${uuid}",name="till 1",hostname="till-1",serial="SN12345",projectId="${tenant}"`;
  const said = await text();
  const lines = said.split("\n").filter((line) => line.includes(labels));
  expect(lines).toHaveLength(22);
  expect(lines.filter((line) => line.endsWith(" 1"))).toEqual([
    `edge_host_status{${labels},status="Running"} 1`,
    `edge_host_onboarding_status{${labels},onboardingStatus="Onboarded"} 1`,
  ]);
  expect(lines).toContain(`edge_host_provisioning_status{${labels},provisioningStatus="Provisioned"} 0`);
  expect(lines).toContain(`edge_host_update_status{${labels},updateStatus="No new updates available"} 0`);
  expect(lines).toContain(`edge_host_schedule{${labels}} 0`);
  expect(said.match(/^# TYPE .*/gm)).toEqual([
    "# TYPE edge_host_status gauge",
    "# TYPE edge_host_provisioning_status gauge",
    "# TYPE edge_host_onboarding_status gauge",
    "# TYPE edge_host_update_status gauge",
    "# TYPE edge_host_schedule gauge",
    "# TYPE holdfast_schedules_unreadable gauge",
  ]);
});

test("of a machine whose site is silent the status is unknown, not what was seen last", async () => {
  const { text, tenant, site, host, authority, store } = await opened();
  const { resourceId: id } = await host({ name: "a", siteId: site.resourceId });
  const report = { kind: Host, tenant, id, site: site.resourceId, observedGeneration: 1, observedAt: NOW, sources: {} };
  await store.write((tx) => authority.observeIn(tx, { ...report, fields: { hostStatus: "Running" } }));
  expect(await text()).toContain('status="Running"} 1');
  const silent = await text([site.resourceId]);
  expect(silent).not.toContain('status="Running"} 1');
  expect(silent).toMatch(/^edge_host_status\{.*,status="Unknown"\} 1$/m);
});

test.each([
  ["its site, once", "site", SingleSchedule, { startSeconds: NOW / 1_000 - 60, endSeconds: NOW / 1_000 + 60 }, 1],
  ["its region, without an end", "region", SingleSchedule, { startSeconds: NOW / 1_000 - 60 }, 1],
  ["its site, before", "site", SingleSchedule, { startSeconds: NOW / 1_000 + 60 }, 0],
  ["its region, every day at five", "region", RepeatedSchedule, { cronHours: "5" }, 1],
  ["its region, every day at six", "region", RepeatedSchedule, { cronHours: "6" }, 0],
] as const)("a host is scheduled while a time is set aside for %s", async (_, target, kind, when, value) => {
  const { text, site, region, host, authority, by, store } = await opened();
  await host({ name: "a", siteId: site.resourceId });
  const at = target === "site" ? { targetSiteId: site.resourceId } : { targetRegionId: region.resourceId };
  const cron = { durationSeconds: 3_600, cronMinutes: "0", cronDayMonth: "*", cronMonth: "*", cronDayWeek: "*" };
  const status = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE" };
  const fields = { ...status, ...at, ...(kind === RepeatedSchedule ? cron : {}), ...when };
  const early = { ...clock, now: () => NOW - 3_600_000 };
  await (await createAuthority({ store, clock: early })).create(kind, { ...by, fields });
  expect(await text()).toMatch(new RegExp(`^edge_host_schedule\\{.*\\} ${value}$`, "m"));
  expect(authority.epoch()).not.toBe("");
});

const EVERY_DAY = { cronMinutes: "0", cronHours: "5", cronDayMonth: "*", cronMonth: "*", cronDayWeek: "*" };

/** Repeated schedules for a region, of which the last is of a zone that is known to a later version alone. */
async function manySchedules({ by, authority, region, store }: Awaited<ReturnType<typeof opened>>, count: number) {
  const of = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE", targetRegionId: region.resourceId } as const;
  const fields = { ...of, ...EVERY_DAY, durationSeconds: 3_600 };
  const first = await authority.create(RepeatedSchedule, { ...by, fields });
  await store.write(async (tx) => {
    for (let at = 1; at < count; at += 1) {
      const resourceId = `repeatedsche-${at.toString(16).padStart(8, "0")}`;
      const timezone = at === count - 1 ? "Mars/Olympus_Mons" : "UTC";
      await tx.insert(RepeatedSchedule, {
        ...first,
        resourceId,
        creation: resourceId,
        fields: { ...first.fields, timezone },
      });
    }
  });
}

test("a schedule that cannot be read sets nothing aside, is counted, and keeps nothing else from being told", async () => {
  const world = await opened();
  await world.host({ name: "a", siteId: world.site.resourceId });
  await manySchedules(world, 2);
  const said = await world.text();
  expect(said).toMatch(/^edge_host_schedule\{.*\} 1$/m);
  expect(said).toContain(`holdfast_schedules_unreadable{project="${world.tenant}"} 1\n`);
});

test("others have their turn while many schedules are looked at", async () => {
  const world = await opened();
  await manySchedules(world, 500);
  let [turns, isTold] = [0, false];
  const turn = () => {
    turns += 1;
    if (!isTold) setImmediate(turn);
  };
  setImmediate(turn);
  await world.text();
  isTold = true;
  expect(turns).toBeGreaterThanOrEqual(10);
});

test("hosts of other projects are not told of, and pages join", async () => {
  const { text, host, authority, store } = await opened();
  const other = await authority.createTenant({ actor: "hub", name: "other" });
  await authority.create(Host, { actor: "operator:o", tenant: other.id, fields: { name: "theirs" } });
  for (let at = 0; at < 3; at += 1) await host({ name: `mine-${at}` });
  const said = await text();
  expect(said).not.toContain("theirs");
  expect(said.match(/^edge_host_schedule\{/gm)).toHaveLength(3);
  expect(await store.read(async (view) => (await view.tenants()).length)).toBe(2);
});
