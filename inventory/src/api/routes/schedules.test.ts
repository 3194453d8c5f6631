import { RepeatedSchedule } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "../api-under-test.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const clock = { now: () => NOW, monotonic: () => NOW, sleep: async () => undefined };
const at = (text: string) => Date.parse(text) / 1_000;

const SINGLE = {
  scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE",
  startSeconds: at("2026-11-24T22:00:00Z"),
  endSeconds: at("2026-11-24T23:00:00Z"),
};
/** Ten minutes each evening at ten. */
const REPEATED = {
  scheduleStatus: "SCHEDULE_STATUS_OS_UPDATE",
  durationSeconds: 600,
  cronMinutes: "0",
  cronHours: "22",
  cronDayMonth: "*",
  cronMonth: "*",
  cronDayWeek: "*",
};

/** A host at a site in a region below another, a second region beside that, and a schedule for each by name. */
async function withTargets() {
  const api = await openApi({ clock });
  const made = async (path: string, body: Body) => String((await api.done("POST", path, body)).resourceId);
  const country = await made("regions", { name: "country" });
  const city = await made("regions", { name: "city", parentId: country });
  const elsewhere = await made("regions", { name: "elsewhere" });
  const site = await made("sites", { name: "site", regionId: city });
  const host = await made("compute/hosts", { name: "host", siteId: site });
  const other = await made("compute/hosts", { name: "other", siteId: site });
  const targets = {
    host: { targetHostId: host },
    other: { targetHostId: other },
    site: { targetSiteId: site },
    city: { targetRegionId: city },
    country: { targetRegionId: country },
    elsewhere: { targetRegionId: elsewhere },
  };
  for (const [name, target] of Object.entries(targets)) {
    await api.done("POST", "schedules/single", { ...SINGLE, ...target, name: `once ${name}` });
    await api.done("POST", "schedules/repeated", { ...REPEATED, ...target, name: `often ${name}` });
  }
  return { ...api, country, city, elsewhere, site, host, other };
}

const KEYS = ["singleSchedules", "repeatedSchedules"];

/** Names of the schedules in an answer, of both kinds or one. */
async function named(api: ApiUnderTest, path: string): Promise<string[]> {
  const answer = await api.done("GET", path);
  const found = KEYS.flatMap((key) => (answer[key] ?? []) as Body[]).map(({ name }) => String(name));
  if (!path.includes("pageSize")) expect(answer).toMatchObject({ totalElements: found.length, hasNext: false });
  return found.toSorted();
}

describe("a schedule", () => {
  test("shows what it is about whole, under each of its names and paths", async () => {
    await using api = await withTargets();
    const single = await api.done("POST", "schedules/single", { ...SINGLE, targetHostId: api.host });
    expect(single).toMatchObject({
      ...SINGLE,
      ...{ name: "", singleScheduleID: single.resourceId, targetHostId: api.host, targetSiteId: "" },
      ...{ targetSite: null, targetRegion: null },
      targetHost: { resourceId: api.host, site: { resourceId: api.site, region: { resourceId: api.city } } },
    });
    expect(single.timestamps).toMatchObject({ createdAt: "2026-11-23T12:00:00.000Z" });
    const path = `compute/schedules/single/${String(single.resourceId)}`;
    expect(await api.done("GET", path)).toEqual(single);
    const repeated = await api.done("POST", "compute/schedules/repeated", { ...REPEATED, targetRegionId: api.city });
    expect(repeated).toMatchObject({ ...REPEATED, repeatedScheduleID: repeated.resourceId, timezone: "UTC" });
    expect(repeated).toMatchObject({ targetRegion: { resourceId: api.city }, targetHost: null });
    expect(await api.done("DELETE", path)).toEqual({});
    expect((await api.ask("GET", path)).body).toMatchObject({ message: "single_schedule_resource not found" });
  });

  test("is changed in part and as a whole, and moved to another target by naming both", async () => {
    await using api = await withTargets();
    const { resourceId } = await api.done("POST", "schedules/repeated", { ...REPEATED, targetHostId: api.host });
    const path = `schedules/repeated/${String(resourceId)}`;
    const moved = { targetHostId: "", targetSiteId: api.site };
    expect(await api.done("PATCH", path, moved)).toMatchObject({ ...REPEATED, ...moved, targetHost: null });
    const daily = { ...REPEATED, cronHours: "1,2", targetRegionId: api.country, timezone: "Europe/Oslo" };
    expect(await api.done("PUT", path, daily)).toMatchObject({ ...daily, targetSiteId: "" });
    expect(await api.done("PATCH", `${path}?fieldMask=timezone`, {})).toMatchObject({ timezone: "UTC" });
  });

  test("that is under way is ended, and its begin is then not asked about again", async () => {
    let now = NOW;
    await using api = await openApi({ clock: { ...clock, now: () => now } });
    const { resourceId: site } = await api.done("POST", "sites", { name: "s" });
    const { endSeconds: _, ...endless } = SINGLE;
    const made = await api.done("POST", "schedules/single", { ...endless, targetSiteId: site });
    expect(made).not.toHaveProperty("endSeconds");
    const { resourceId } = made;
    const again = await api.done("PUT", `schedules/single/${String(resourceId)}`, { ...made, endSeconds: 0 });
    expect(again).not.toHaveProperty("endSeconds");
    now = Date.parse("2026-11-25T00:00:00Z");
    const path = `schedules/single/${String(made.resourceId)}`;
    const endSeconds = at("2026-11-25T00:00:01Z");
    expect(await api.done("PATCH", path, { endSeconds })).toMatchObject({ endSeconds });
    const whole = { ...SINGLE, endSeconds: endSeconds - 1, targetSiteId: site };
    expect(await api.done("PUT", path, whole)).toMatchObject({ endSeconds: endSeconds - 1 });
  });

  test.each([
    ["single", { startSeconds: at("2026-11-23T12:00:00Z") }, "startSeconds: must be in the future"],
    ["single", { endSeconds: SINGLE.startSeconds }, "endSeconds: must be after startSeconds"],
    ["single", { startSeconds: 0 }, "startSeconds: must be between 1 and"],
    ["single", { targetSiteId: "" }, "targetHostId, targetSiteId, targetRegionId: exactly one target is needed"],
    ["single", { targetRegionId: "region-0000dead" }, "region_resource not found"],
    ["single", { scheduleStatus: "SCHEDULE_STATUS_SHIPPING" }, "scheduleStatus:"],
    ["repeated", { targetRegionId: "REGION" }, "targetSiteId, targetRegionId: exactly one target is needed"],
    ["repeated", { durationSeconds: 86_401 }, "durationSeconds: must be between 1 and 86400"],
    ["repeated", { durationSeconds: 0 }, "durationSeconds: must be between 1 and 86400"],
    ["repeated", { cronMinutes: "*/5" }, "cronMinutes: must match"],
    ["repeated", { cronHours: "1-5" }, "cronHours: must match"],
    ["repeated", { cronDayMonth: "0" }, "cronDayMonth: must match"],
    ["repeated", { cronMonth: "JAN" }, "cronMonth: must match"],
    ["repeated", { cronDayWeek: "7" }, "cronDayWeek: must match"],
    ["repeated", { timezone: "Europe/Atlantis" }, "timezone: is none of the IANA time zone database"],
  ])("that cannot be is refused, naming what is wrong: %s %j", async (which, wrong, message) => {
    await using api = await openApi({ clock });
    const { resourceId: targetSiteId } = await api.done("POST", "sites", { name: "s" });
    const region = await api.done("POST", "regions", { name: "r" });
    const mended = JSON.parse(JSON.stringify(wrong).replace("REGION", String(region.resourceId)));
    const body = { ...(which === "single" ? SINGLE : REPEATED), targetSiteId, ...mended };
    const answer = await api.ask("POST", `schedules/${which}`, { body });
    expect([answer.status, answer.body.code]).toEqual([400, "InvalidArgument"]);
    expect(String(answer.body.message)).toContain(message);
  });

  test.each(["scheduleStatus", "startSeconds"])("of one time needs %s", async (name) => {
    await using api = await openApi({ clock });
    const { resourceId: targetSiteId } = await api.done("POST", "sites", { name: "s" });
    const body = { ...SINGLE, targetSiteId, [name]: undefined };
    expect((await api.ask("POST", "schedules/single", { body })).body.message).toBe(`${name}: is needed`);
  });

  test("does not keep what it is about from being deleted, and is not left without a target", async () => {
    await using api = await withTargets();
    for (const path of [`compute/hosts/${api.host}`, `compute/hosts/${api.other}`]) await api.done("DELETE", path);
    for (const id of [api.host, api.other]) {
      const asked = { actor: "operator:w", tenant: api.acme.id, id };
      await api.store.write((tx) => api.inventory.forceDeleteIn(tx, asked));
    }
    await api.done("DELETE", `sites/${api.site}`);
    for (const region of [api.city, api.country]) await api.done("DELETE", `regions/${region}`);
    expect(await named(api, "schedules")).toEqual(["often elsewhere", "once elsewhere"]);
  });
});

describe("schedules are listed", () => {
  test("by what applies to a host, a site or a region, with what they are in", async () => {
    await using api = await withTargets();
    const both = (names: string) => [
      ...names.split(" ").map((n) => `often ${n}`),
      ...names.split(" ").map((n) => `once ${n}`),
    ];
    expect(await named(api, `schedules?hostId=${api.host}`)).toEqual(both("city country host site"));
    expect(await named(api, `compute/schedules?siteId=${api.site}`)).toEqual(both("city country site"));
    expect(await named(api, `schedules?regionId=${api.city}`)).toEqual(both("city country"));
    expect(await named(api, `schedules?regionId=${api.country}`)).toEqual(both("country"));
    expect(await named(api, `schedules?hostId=${api.host}&regionId=${api.city}`)).toEqual(both("city country"));
    expect(await named(api, `schedules/single?hostId=${api.other}`)).toEqual(
      ["city", "country", "other", "site"].map((name) => `once ${name}`),
    );
    expect(await named(api, `schedules/repeated?siteId=${api.site}&filter=name="often%20site"`)).toEqual([
      "often site",
    ]);
    expect((await api.ask("GET", "schedules?hostId=host-0000dead")).body.message).toBe("host_resource not found");
    expect((await api.ask("GET", "schedules?siteId=host-0000dead")).body.message).toContain("siteId: must match");
  });

  test("by what a moment is in the time of", async () => {
    await using api = await withTargets();
    const during = async (text: string, path = "schedules") =>
      named(api, `${path}?regionId=${api.country}&unixEpoch=${at(text)}`);
    expect(await during("2026-11-24T21:59:59Z")).toEqual([]);
    expect(await during("2026-11-24T22:00:00Z")).toEqual(["often country", "once country"]);
    expect(await during("2026-11-24T22:10:00Z")).toEqual(["once country"]);
    expect(await during("2026-11-24T23:00:00Z")).toEqual([]);
    expect(await during("2027-03-01T22:09:59Z", "schedules/repeated")).toEqual(["often country"]);
    expect(await during("2027-03-01T22:09:59Z", "schedules/single")).toEqual([]);
    expect(await named(api, `schedules?unixEpoch=${"9".repeat(40)}`)).toEqual([]);
    expect((await api.ask("GET", "schedules?unixEpoch=-1")).body.message).toContain("unixEpoch: must match");
  });

  test("the repeated ones by the clocks of their own zone, the last day of a month there being another in UTC", async () => {
    await using api = await openApi({ clock });
    const { resourceId: targetSiteId } = await api.done("POST", "sites", { name: "s" });
    const last = { ...REPEATED, targetSiteId, cronHours: "20", cronDayMonth: "31" };
    await api.done("POST", "schedules/repeated", { ...last, name: "here", timezone: "America/Los_Angeles" });
    await api.done("POST", "schedules/repeated", { ...last, name: "there" });
    expect(await named(api, `schedules?unixEpoch=${at("2026-12-31T20:00:00Z")}`)).toEqual(["there"]);
    expect(await named(api, `schedules?unixEpoch=${at("2027-01-01T04:00:00Z")}`)).toEqual(["here"]);
    expect(await named(api, `schedules?unixEpoch=${at("2027-04-01T03:00:00Z")}`)).toEqual(["here"]);
  });

  test("by page, the single ones first", async () => {
    await using api = await withTargets();
    const pages: Body[] = [];
    for (const offset of [0, 5, 10]) pages.push(await api.done("GET", `schedules?pageSize=5&offset=${offset}`));
    const counts = pages.map((page) => KEYS.map((key) => (page[key] as Body[]).length));
    expect(counts).toEqual([
      [5, 0],
      [1, 4],
      [0, 2],
    ]);
    expect(pages.map(({ totalElements, hasNext }) => [totalElements, hasNext])).toEqual([
      [12, true],
      [12, true],
      [12, false],
    ]);
    const ids = pages.flatMap((page) => KEYS.flatMap((key) => page[key] as Body[])).map(({ resourceId }) => resourceId);
    expect(new Set(ids).size).toBe(12);
  });

  test("all at once by clients that look for one of them and name no page", async () => {
    await using api = await openApi({ clock });
    const { resourceId: targetSiteId } = await api.done("POST", "sites", { name: "s" });
    for (let count = 0; count < 21; count += 1) await api.done("POST", "schedules/single", { ...SINGLE, targetSiteId });
    expect(await named(api, "schedules")).toHaveLength(21);
  });

  test("however many of them are under way", async () => {
    await using api = await openApi({ clock });
    const { resourceId: targetSiteId } = await api.done("POST", "sites", { name: "s" });
    const asked = { actor: "operator:w", tenant: api.acme.id };
    await api.store.write(async (tx) => {
      for (let count = 0; count < 1_010; count += 1) {
        await api.inventory.createIn(tx, RepeatedSchedule, { ...asked, fields: { ...REPEATED, targetSiteId } });
      }
    });
    const page = await api.done("GET", `schedules?pageSize=1&unixEpoch=${at("2026-12-31T22:00:00Z")}`);
    expect(page).toMatchObject({ totalElements: 1_010, hasNext: true });
  });
});
