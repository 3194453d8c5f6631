import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { administer } from "@holdfast/hub/administer";
import { expect, test } from "vitest";
import { agree } from "../world/agreement.ts";
import { createWorld } from "../world/world.ts";

const PROJECT = "/v1/projects/default";
const SINGLE = `${PROJECT}/schedules/single`;
const REPEATED = `${PROJECT}/schedules/repeated`;
const HOSTS = `${PROJECT}/compute/hosts`;
const MAINTENANCE = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE" };
const SOME_DAY = { startSeconds: 4_000_000_000, endSeconds: 4_000_003_600 };
const NIGHTLY = { cronMinutes: "0", cronHours: "2", cronDayMonth: "*", cronMonth: "*", cronDayWeek: "*" };

test("maintenance of a host is planned at its site, cut off or not, goes where the host goes, returns after a disaster and ends with it", async () => {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-backup-`);
  await using world = await createWorld({ sites: ["oslo", "bergen"] });
  const [oslo, bergen] = [world.site("oslo"), world.site("bergen")];
  const { id: targetHostId } = await world.runningMachine({ site: "oslo" });
  await agree(world, "oslo");
  const command = (name: string) =>
    administer(name, { arguments: [`${folder}/hub.backup`, "--home", world.hub.home], environment: {} });
  await command("backup");

  const planned = await world.hub.ask("POST", SINGLE, { ...MAINTENANCE, ...SOME_DAY, targetHostId });
  const ofSite = await world.hub.ask("POST", SINGLE, { ...MAINTENANCE, ...SOME_DAY, targetSiteId: oslo.id });
  await agree(world, "oslo");
  world.wan("oslo").cut();
  const nightly = { ...MAINTENANCE, ...NIGHTLY, durationSeconds: 600, timezone: "Europe/Oslo", targetHostId };
  const made = await oslo.ask("POST", REPEATED, nightly);
  await oslo.ask("PATCH", `${SINGLE}/${planned.resourceId}`, { endSeconds: 4_000_007_200 });
  expect((await oslo.request("PATCH", `${SINGLE}/${ofSite.resourceId}`, { name: "x" })).status).toBe(403);
  expect((await oslo.request("DELETE", `${SINGLE}/${ofSite.resourceId}`)).status).toBe(403);
  const ids = async (asked: (path: string) => ReturnType<typeof world.hub.ask>) => {
    const { singleSchedules, repeatedSchedules } = await asked(`${PROJECT}/schedules?hostId=${targetHostId}`);
    const all = [...(singleSchedules as object[]), ...(repeatedSchedules as object[])] as { resourceId: string }[];
    return all.map(({ resourceId }) => resourceId).toSorted();
  };
  const own = [planned.resourceId, made.resourceId].map(String).toSorted();
  expect(await ids((path) => oslo.ask("GET", path))).toEqual([...own, String(ofSite.resourceId)].toSorted());

  world.wan("oslo").restore();
  await agree(world, "oslo");
  const atHub = async () => ({
    planned: await world.hub.ask("GET", `${SINGLE}/${planned.resourceId}`),
    made: await world.hub.ask("GET", `${REPEATED}/${made.resourceId}`),
  });
  const expected = { planned: { targetHostId, endSeconds: 4_000_007_200 }, made: nightly };
  expect(await atHub()).toMatchObject(expected);

  await world.hub.ask("PATCH", `${HOSTS}/${targetHostId}`, { siteId: bergen.id });
  await agree(world, "oslo");
  await agree(world, "bergen");
  expect((await oslo.request("GET", `${SINGLE}/${planned.resourceId}`)).status).toBe(421);
  expect(await ids((path) => bergen.ask("GET", path))).toEqual(own);

  await world.hub.stop();
  await command("restore");
  await world.hub.start();
  await agree(world, "oslo");
  await agree(world, "bergen");
  expect(await atHub()).toMatchObject(expected);
  expect(await world.hub.conflicts()).toEqual([]);

  await world.hub.ask("DELETE", `${HOSTS}/${targetHostId}`);
  await agree(world, "bergen");
  expect((await world.hub.request("GET", `${HOSTS}/${targetHostId}`)).status).toBe(404);
  for (const path of [`${SINGLE}/${planned.resourceId}`, `${REPEATED}/${made.resourceId}`]) {
    expect((await world.hub.request("GET", path)).status).toBe(404);
    expect((await bergen.request("GET", path)).status).toBe(421);
  }
  rmSync(folder, { recursive: true });
});
