import { describe, expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "../api-under-test.ts";

const GROUP = { name: "disks", collectorKind: "TELEMETRY_COLLECTOR_KIND_HOST", groups: ["smart", 'a "b" c'] };

const KINDS = [
  {
    which: "logs",
    groups: ["telemetry/loggroups", "telemetry/groups/logs"],
    profiles: "telemetry/profiles/logs",
    keys: ["telemetryLogsGroups", "telemetryLogsProfiles"],
    alias: "telemetryLogsGroupId",
    group: "logsGroupId",
    embedded: "logsGroup",
    how: { logLevel: "SEVERITY_LEVEL_WARN" },
    other: { logLevel: "SEVERITY_LEVEL_DEBUG" },
    wrong: { logLevel: "SEVERITY_LEVEL_UNSPECIFIED" },
  },
  {
    which: "metrics",
    groups: ["telemetry/metricgroups", "telemetry/groups/metrics"],
    profiles: "telemetry/profiles/metrics",
    keys: ["telemetryMetricsGroups", "telemetryMetricsProfiles"],
    alias: "telemetryMetricsGroupId",
    group: "metricsGroupId",
    embedded: "metricsGroup",
    how: { metricsInterval: 60 },
    other: { metricsInterval: 300 },
    wrong: { metricsInterval: 0 },
  },
] as const;
type Which = (typeof KINDS)[number];

const made = async (api: ApiUnderTest, path: string, body: Body) =>
  String((await api.done("POST", path, body)).resourceId);

/** An instance on a host at a site in a region below another, and a group. */
async function withTargets({ groups }: Which) {
  const api = await openApi();
  const country = await made(api, "regions", { name: "country" });
  const city = await made(api, "regions", { name: "city", parentId: country });
  const site = await made(api, "sites", { name: "site", regionId: city });
  const host = await made(api, "compute/hosts", { name: "host", siteId: site });
  const os = {
    name: "debian",
    profileName: "debian",
    sha256: "0".repeat(64),
    securityFeature: "SECURITY_FEATURE_NONE",
  };
  const osID = await made(api, "compute/os", os);
  const instance = await made(api, "compute/instances", { hostID: host, osID });
  const group = await made(api, groups[0], GROUP);
  return { ...api, country, city, site, host, instance, group };
}

describe.each(KINDS)("telemetry of $which", (kind) => {
  const { groups, profiles, keys, alias, group, embedded, how, other, wrong } = kind;
  const [groupsKey, profilesKey] = keys;

  test("is in groups, which are made, shown at either path and deleted, and not changed", async () => {
    await using api = await openApi();
    const disks = await api.done("POST", groups[0], GROUP);
    expect(disks).toMatchObject({ ...GROUP, [alias]: disks.resourceId });
    const id = String(disks.resourceId);
    expect(id).toMatch(/^telemetrygroup-/);
    for (const path of groups) {
      expect(await api.done("GET", `${path}/${id}`)).toEqual(disks);
      const expected = { [groupsKey]: [disks], totalElements: 1, hasNext: false };
      expect(await api.done("GET", `${path}?orderBy=name`)).toMatchObject(expected);
      expect((await api.ask("PATCH", `${path}/${id}`, { body: { name: "x" } })).status).toBe(405);
    }
    expect(await api.done("DELETE", `${groups[1]}/${id}`)).toEqual({});
    expect((await api.ask("GET", `${groups[0]}/${id}`)).status).toBe(404);
  });

  test.each([
    [{ name: "" }, "name:"],
    [{ collectorKind: undefined }, "collectorKind: is needed"],
    [{ groups: ["new\nline"] }, "groups[0]: must match"],
    [{ groups: Array.from({ length: 101 }, () => "a") }, "groups: must"],
  ])("is in no group of %j", async (spoilt, message) => {
    await using api = await openApi();
    const answer = await api.ask("POST", groups[0], { body: { ...GROUP, ...spoilt } });
    expect([answer.status, String(answer.body.message)]).toEqual([400, expect.stringContaining(message)]);
  });

  test("is collected as profiles of a group say, which keep the group", async () => {
    await using api = await withTargets(kind);
    const body = { ...how, [group]: api.group, targetSite: api.site };
    const profile = await api.done("POST", profiles, body);
    const expected = { ...body, targetInstance: "", targetRegion: "", profileId: profile.resourceId };
    expect(profile).toMatchObject({ ...expected, [embedded]: { ...GROUP, resourceId: api.group } });
    const path = `${profiles}/${String(profile.resourceId)}`;
    const kept = await api.ask("DELETE", `${groups[0]}/${api.group}`);
    expect([kept.status, kept.body.code]).toEqual([400, "FailedPrecondition"]);
    expect(kept.body.message).toContain(String(profile.resourceId));
    expect(await api.done("PATCH", path, other)).toMatchObject(other);
    const moved = { ...how, [group]: api.group, targetInstance: api.instance };
    expect(await api.done("PUT", path, moved)).toMatchObject({ ...moved, targetSite: "" });
    expect(await api.done("DELETE", path)).toEqual({});
    await api.done("DELETE", `${groups[0]}/${api.group}`);
  });

  test("is not collected as no profile may say", async () => {
    await using api = await withTargets(kind);
    const [others] = KINDS.filter(({ which }) => which !== kind.which);
    const otherGroup = await made(api, others?.groups[0] ?? "", GROUP);
    const body = { ...how, [group]: api.group, targetSite: api.site };
    for (const [spoilt, message] of [
      [wrong, `${Object.keys(wrong)[0]}: `],
      [{ [Object.keys(how)[0] ?? ""]: undefined }, `${Object.keys(how)[0]}: is needed`],
      [{ [group]: undefined }, `${group}: is needed`],
      [{ [group]: otherGroup }, `telemetry_${kind.which}_group_resource not found`],
      [{ targetSite: "" }, "targetInstance, targetSite, targetRegion: exactly one target is needed"],
      [{ targetRegion: api.city }, "targetSite, targetRegion: exactly one target is needed"],
      [{ targetSite: "site-0000dead" }, "site_resource not found"],
    ] as const) {
      const answer = await api.ask("POST", profiles, { body: { ...body, ...spoilt } });
      expect([answer.status, String(answer.body.message)]).toEqual([400, expect.stringContaining(message)]);
    }
  });

  test("is asked about by instance, site and region, with or without what these are in", async () => {
    await using api = await withTargets(kind);
    const targets = {
      instance: { targetInstance: api.instance },
      site: { targetSite: api.site },
      city: { targetRegion: api.city },
      country: { targetRegion: api.country },
    };
    const ids = new Map<unknown, string>();
    for (const [name, target] of Object.entries(targets)) {
      ids.set(await made(api, profiles, { ...how, [group]: api.group, ...target }), name);
    }
    const found = async (query: string) => {
      const answer = await api.done("GET", `${profiles}?${query}`);
      return (answer[profilesKey] as Body[]).map(({ resourceId }) => ids.get(resourceId)).toSorted();
    };
    expect(await found("pageSize=100")).toEqual(["city", "country", "instance", "site"]);
    expect(await found(`instanceId=${api.instance}`)).toEqual(["instance"]);
    expect(await found(`siteId=${api.site}&showInherited=false`)).toEqual(["site"]);
    expect(await found(`instanceId=${api.instance}&showInherited=true`)).toEqual([
      "city",
      "country",
      "instance",
      "site",
    ]);
    expect(await found(`siteId=${api.site}&showInherited=true`)).toEqual(["city", "country", "site"]);
    expect(await found(`regionId=${api.city}&showInherited=true`)).toEqual(["city", "country"]);
    expect((await api.ask("GET", `${profiles}?instanceId=inst-0000dead`)).status).toBe(404);
  });

  test("goes with what it is about", async () => {
    await using api = await withTargets(kind);
    for (const target of [{ targetInstance: api.instance }, { targetSite: api.site }, { targetRegion: api.city }]) {
      await api.done("POST", profiles, { ...how, [group]: api.group, ...target });
    }
    const left = async () => (await api.done("GET", profiles)).totalElements;
    const asked = { actor: "operator:w", tenant: api.acme.id, id: api.host };
    await api.store.write((tx) => api.inventory.forceDeleteIn(tx, asked));
    expect(await left()).toBe(2);
    await api.done("DELETE", `sites/${api.site}`);
    await api.done("DELETE", `regions/${api.city}`);
    expect(await left()).toBe(0);
  });
});

test("a group's id is that of a group of logs or of one of metrics", async () => {
  await using api = await openApi();
  const id = await made(api, "telemetry/loggroups", GROUP);
  const answer = await api.ask("GET", `telemetry/metricgroups/${id}`);
  expect([answer.status, answer.body.message]).toEqual([404, "telemetry_metrics_group_resource not found"]);
});
