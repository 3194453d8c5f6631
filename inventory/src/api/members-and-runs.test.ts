import { OsUpdateRun, siteScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "./api-under-test.ts";

const NODE = "WORKLOAD_MEMBER_KIND_CLUSTER_NODE";

/** A site with a host that has an instance, and a workload. */
async function installed(api: ApiUnderTest) {
  const site = await api.done("POST", "sites", { name: "oslo" });
  const host = await api.done("POST", "compute/hosts", { name: "till", siteId: site.resourceId });
  const os = await api.done("POST", "compute/os", { name: "debian", sha256: "a".repeat(64) });
  const latest = { name: "latest", updatePolicy: "UPDATE_POLICY_LATEST" };
  const policy = await api.done("POST", "os_update_policy", latest);
  const instance = await api.done("POST", "compute/instances", { hostID: host.resourceId, osID: os.resourceId });
  const cluster = { kind: "WORKLOAD_KIND_CLUSTER", name: "tills" };
  const workload = await api.done("POST", "workloads", cluster);
  return { site, host, instance, policy, workload };
}

const idOf = ({ resourceId }: Body) => String(resourceId);

async function refusal(api: ApiUnderTest, method: "POST" | "DELETE", path: string, body?: Body) {
  const answer = await api.ask(method, path, { body });
  return [answer.status, answer.body.code, answer.body.message];
}

function run(api: ApiUnderTest, instanceId: string, fields: Body = {}) {
  const request = { actor: "hub", tenant: api.acme.id, fields: { name: "till update", instanceId, ...fields } };
  return api.inventory.create(OsUpdateRun, request);
}

test("a member is shown by itself, in its workload and in its instance, without what it is shown in", async () => {
  await using api = await openApi();
  const { instance, workload } = await installed(api);
  const ids = { workloadId: idOf(workload), instanceId: idOf(instance) };
  const member = await api.done("POST", "workload_members", { kind: NODE, ...ids });
  const shown = { resourceId: idOf(member), workloadMemberId: idOf(member), kind: NODE, ...ids };
  const [ofWorkload, ofInstance] = [{ name: "tills" }, { instanceID: idOf(instance), host: { name: "till" } }];
  expect(member).toMatchObject({ ...shown, workload: ofWorkload, instance: ofInstance, member: ofInstance });
  const { workloads } = await api.done("GET", "workloads");
  expect(workloads).toMatchObject([{ members: [{ ...shown, instance: ofInstance }] }]);
  const { instances } = await api.done("GET", "compute/instances");
  expect(instances).toMatchObject([{ workloadMembers: [{ ...shown, workload: ofWorkload }] }]);
  const [[inWorkload], [inInstance]] = [workloads, instances].map(
    (list) => (list as Body[]).flatMap((each) => each.members ?? each.workloadMembers) as Body[],
  ) as [Body[], Body[]];
  expect(inWorkload).not.toHaveProperty("workload");
  expect(inInstance).not.toHaveProperty("instance");
});

test("instances are found by their workload, and workloads by their instances", async () => {
  await using api = await openApi();
  const { host, instance, workload } = await installed(api);
  const found = async (path: string, filter: string) =>
    (await api.done("GET", `${path}?filter=${encodeURIComponent(filter)}`)).totalElements;
  expect(await found("compute/instances", "has(workloadMembers)")).toBe(0);
  await api.done("POST", "workload_members", { kind: NODE, workloadId: idOf(workload), instanceId: idOf(instance) });
  expect(await found("compute/instances", "has(workload_members)")).toBe(1);
  expect(await found("compute/instances", "workloadMembers.workload.name='tills'")).toBe(1);
  expect(await found("compute/instances", "workloadMembers.workload.name='doors'")).toBe(0);
  expect(await found("workloads", `members.instance.host.resourceId='${idOf(host)}'`)).toBe(1);
});

test("instances are found by any of their configurations", async () => {
  await using api = await openApi();
  const { instance } = await installed(api);
  const config = async (name: string) => idOf(await api.done("POST", "customConfigs", { name, config: "x" }));
  const [swap, motd] = [await config("swap"), await config("motd")];
  await config("unused");
  await api.done("PATCH", `compute/instances/${idOf(instance)}`, { customConfigID: [swap, motd] });
  for (const [name, count] of [
    ["swap", 1],
    ["motd", 1],
    ["unused", 0],
  ] as const) {
    const filter = encodeURIComponent(`customConfig.name='${name}'`);
    expect([name, await api.done("GET", `compute/instances?filter=${filter}`)]).toMatchObject([
      ...[name, { totalElements: count }],
    ]);
  }
});

test("an instance belongs to at most one workload, and neither is deleted while it does", async () => {
  await using api = await openApi();
  const { instance, workload } = await installed(api);
  const other = await api.done("POST", "workloads", { kind: "WORKLOAD_KIND_CLUSTER", name: "doors" });
  const body = { kind: NODE, workloadId: idOf(workload), instanceId: idOf(instance) };
  const member = idOf(await api.done("POST", "workload_members", body));
  expect(await refusal(api, "POST", "workload_members", { ...body, workloadId: idOf(other) })).toEqual([
    ...[400, "FailedPrecondition", "workload_member_resource with the same instanceId already exists"],
  ]);
  const paths = [`workloads/${idOf(workload)}`, `compute/instances/${idOf(instance)}`];
  for (const path of paths) {
    const message = expect.stringContaining(`still referred to by workload_member ${member}`);
    expect(await refusal(api, "DELETE", path)).toEqual([400, "FailedPrecondition", message]);
  }
  await api.done("DELETE", `workload_members/${member}`);
  for (const path of paths) await api.done("DELETE", path);
  const late = `instance_resource ${idOf(instance)} is being deleted`;
  const again = { ...body, workloadId: idOf(other) };
  expect(await refusal(api, "POST", "workload_members", again)).toEqual([400, "FailedPrecondition", late]);
});

test("runs are made by the hub, never by operators, who read and delete them", async () => {
  await using api = await openApi();
  const { instance, policy } = await installed(api);
  expect((await api.ask("POST", "os-update-runs", { body: { name: "x" } })).status).toBe(403);
  const said = { status: "Updating", statusIndicator: "STATUS_INDICATION_IN_PROGRESS", startTime: 7 };
  const { resourceId } = await run(api, idOf(instance), { ...said, appliedPolicyId: idOf(policy) });
  const shown = {
    ...{ resourceId, name: "till update", description: "", ...said, statusDetails: "", statusTimestamp: 0, endTime: 0 },
    ...{ appliedPolicy: { name: "latest" }, instance: { instanceID: idOf(instance) } },
  };
  for (const path of ["os-update-runs", "os_update_run"]) {
    expect(await api.done("GET", path)).toMatchObject({ osUpdateRuns: [shown], totalElements: 1 });
  }
  expect(await api.done("GET", `os-update-runs/${resourceId}`)).not.toHaveProperty("instanceId");
  const filter = encodeURIComponent(`instance.resourceId='${idOf(instance)}' AND appliedPolicy.name='latest'`);
  expect(await api.done("GET", `os-update-runs?filter=${filter}`)).toMatchObject({ totalElements: 1 });
  await expect(run(api, "inst-00000001")).rejects.toMatchObject({ message: "instance_resource not found" });
  expect((await api.ask("DELETE", `os_update_run/${resourceId}`)).text).toBe("{}");
  expect((await api.ask("GET", `os_update_run/${resourceId}`)).body.message).toBe("os_update_run_resource not found");
});

test("a run is told to the site that manages its machine, and goes with the instance", async () => {
  await using api = await openApi();
  const { site, host, instance } = await installed(api);
  const { resourceId } = await run(api, idOf(instance));
  const { rows } = await api.store.read((view) => view.feed(siteScope(idOf(site)), 0, 100));
  expect(rows.map(({ id }) => id)).toContain(resourceId);
  await api.done("DELETE", `compute/instances/${idOf(instance)}`);
  const forced = { actor: "operator:a", tenant: api.acme.id, id: idOf(host) };
  await api.store.write((tx) => api.inventory.forceDeleteIn(tx, forced));
  expect(await api.done("GET", "os-update-runs")).toMatchObject({ totalElements: 0 });
});

test("what a run tells of the past does not keep a policy from being deleted, and stays", async () => {
  await using api = await openApi();
  const { instance, policy } = await installed(api);
  const { resourceId } = await run(api, idOf(instance), { appliedPolicyId: idOf(policy) });
  await api.done("DELETE", `os_update_policy/${idOf(policy)}`);
  expect((await api.ask("GET", `os_update_policy/${idOf(policy)}`)).status).toBe(404);
  expect(await api.done("GET", `os-update-runs/${resourceId}`)).toMatchObject({ appliedPolicy: { name: "latest" } });
});
