import { expect, test, vi } from "vitest";
import { Connection } from "../store/sqlite/connection.ts";
import { type ApiUnderTest, openApi } from "./api-under-test.ts";

const MAINTENANCE = { scheduleStatus: "SCHEDULE_STATUS_MAINTENANCE" };
const AT_ANY_TIME = { cronMinutes: "*", cronHours: "*", cronDayMonth: "*", cronMonth: "*", cronDayWeek: "*" };
const OF_HOSTS = { collectorKind: "TELEMETRY_COLLECTOR_KIND_HOST", groups: ["a"] };
const OS = { osType: "OS_TYPE_MUTABLE", securityFeature: "SECURITY_FEATURE_NONE", sha256: "a".repeat(64) };
const MEMBER = { kind: "WORKLOAD_MEMBER_KIND_CLUSTER_NODE" };

/** One resource of most kinds, each about one that was made with it. Returns the region. */
async function addOneOfEach(api: ApiUnderTest, number: number): Promise<string> {
  const name = `n${number}`;
  const make = async (path: string, body: object) => String((await api.done("POST", path, body)).resourceId);
  const parentId = await make("regions", { name, metadata: [{ key: name, value: "v" }] });
  const regionId = await make("regions", { name, parentId });
  const siteId = await make("sites", { name, regionId });
  const hostID = await make("compute/hosts", { name, siteId });
  const osID = await make("compute/os", { name, profileName: name, ...OS });
  const osUpdatePolicyID = await make("os-update-policies", { name, updatePolicy: "UPDATE_POLICY_LATEST" });
  const customConfigID = [await make("customConfigs", { name, config: "x" })];
  const instanceId = await make("compute/instances", { name, hostID, osID, osUpdatePolicyID, customConfigID });
  const workloadId = await make("workloads", { name, kind: "WORKLOAD_KIND_CLUSTER" });
  await make("workload_members", { ...MEMBER, workloadId, instanceId });
  await make("schedules/single", { name, ...MAINTENANCE, startSeconds: 4_000_000_000, targetSiteId: siteId });
  const often = { ...MAINTENANCE, ...AT_ANY_TIME, durationSeconds: 60 };
  await make("schedules/repeated", { name, ...often, targetHostId: hostID });
  const logsGroupId = await make("telemetry/loggroups", { name, ...OF_HOSTS });
  await make("telemetry/profiles/logs", { logsGroupId, logLevel: "SEVERITY_LEVEL_INFO", targetSite: siteId });
  return regionId;
}

test("what a list asks of the database does not grow with what is in it", async () => {
  await using api = await openApi();
  const asked = vi.spyOn(Connection.prototype, "prepare");
  const { paths } = (await api.done("GET", "/openapi.json")) as { paths: Record<string, { get?: object }> };
  const region = await addOneOfEach(api, 0);
  const lists = Object.keys(paths)
    .filter((path) => paths[path]?.get && /^\/v1\/projects\/\{projectName\}\/[^{]*(\{regionId\}\/sites)?$/.test(path))
    .map((path) => path.replace("{projectName}", "acme").replace("{regionId}", region))
    .map((path) => `${path}?name=n&showSites=true&showRegions=true&showTotalSites=true&showInherited=true`);
  const cost = async () => {
    const costs: Record<string, number> = {};
    for (const path of lists) {
      asked.mockClear();
      await api.done("GET", path);
      costs[path] = asked.mock.calls.length;
    }
    return costs;
  };
  for (const number of [1, 2]) await addOneOfEach(api, number);
  const few = await cost();
  for (let number = 3; number < 12; number++) await addOneOfEach(api, number);
  expect(Object.keys(few).length).toBeGreaterThan(25);
  expect(await cost()).toEqual(few);
});
