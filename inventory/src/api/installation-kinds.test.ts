import { expect, test } from "vitest";
import { type ApiUnderTest, type Body, openApi } from "./api-under-test.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 alice@till";

async function inputs(api: ApiUnderTest) {
  const os = await api.done("POST", "compute/os", { name: "debian", sha256: "a".repeat(64) });
  const host = await api.done("POST", "compute/hosts", { name: "till" });
  const account = await api.done("POST", "localAccounts", { username: "alice", sshKey: KEY });
  const swap = await api.done("POST", "customConfigs", { name: "swap", config: "swap: none" });
  const motd = await api.done("POST", "customConfigs", { name: "motd", description: "a greeting", config: "motd: hi" });
  const latest = { name: "latest", updatePolicy: "UPDATE_POLICY_LATEST" };
  const policy = await api.done("POST", "os_update_policy", latest);
  return { os, host, account, swap, motd, policy };
}

async function refusal(api: ApiUnderTest, method: "POST" | "DELETE" | "PATCH" | "PUT", path: string, body?: Body) {
  const answer = await api.ask(method, path, { body });
  return [answer.status, answer.body.code, answer.body.message];
}

test("accounts, configurations and policies are shown whole, with what the API they stand in for shows", async () => {
  await using api = await openApi();
  const { account, swap, os } = await inputs(api);
  const { resourceId, timestamps } = account;
  const whole = { resourceId, localAccountID: resourceId, username: "alice", sshKey: KEY, timestamps, generation: 1 };
  expect(account).toEqual(whole);
  expect(await api.done("GET", `localAccounts/${String(resourceId)}`)).toEqual(whole);
  expect(swap).toMatchObject({ name: "swap", description: "swap", config: "swap: none" });
  const target = { name: "to debian", updatePolicy: "UPDATE_POLICY_TARGET", targetOsId: os.resourceId };
  expect(await api.done("POST", "os-update-policies", target)).toMatchObject({
    ...target,
    ...{ description: "", updateSources: [], updatePackages: "", updateKernelCommand: "" },
    targetOs: { name: "debian", osResourceID: os.resourceId },
  });
});

test("an instance embeds its account, its policy and each of its configurations, in lists too", async () => {
  await using api = await openApi();
  const { os, host, account, swap, motd, policy } = await inputs(api);
  const instance = await api.done("POST", "compute/instances", {
    ...{ hostID: host.resourceId, osID: os.resourceId, localAccountID: account.resourceId },
    ...{ osUpdatePolicyID: policy.resourceId, customConfigID: [motd.resourceId, swap.resourceId] },
  });
  const shown = {
    customConfigID: [motd.resourceId, swap.resourceId],
    customConfig: [{ name: "motd" }, { name: "swap" }],
    localaccount: { username: "alice" },
    updatePolicy: { name: "latest" },
  };
  expect(instance).toMatchObject(shown);
  const { instances } = await api.done("GET", "compute/instances?filter=localaccount.username%3Dalice");
  expect(instances).toMatchObject([shown]);
});

test("what an instance uses cannot be deleted; what none uses is gone at once", async () => {
  await using api = await openApi();
  const { os, host, account, swap, motd, policy } = await inputs(api);
  const instance = await api.done("POST", "compute/instances", {
    ...{ hostID: host.resourceId, osID: os.resourceId, localAccountID: account.resourceId },
    ...{ osUpdatePolicyID: policy.resourceId, customConfigID: [swap.resourceId] },
  });
  const paths = [
    [`localAccounts/${String(account.resourceId)}`, "local_account"],
    [`customConfigs/${String(swap.resourceId)}`, "custom_config"],
    [`os_update_policy/${String(policy.resourceId)}`, "os_update_policy"],
  ] as const;
  for (const [path, kind] of paths) {
    const id = path.slice(path.indexOf("/") + 1);
    const used = `${kind}_resource ${id} is still referred to by instance ${String(instance.resourceId)}`;
    expect(await refusal(api, "DELETE", path)).toEqual([400, "FailedPrecondition", used]);
  }
  expect((await api.ask("DELETE", `customConfigs/${String(motd.resourceId)}`)).text).toBe("{}");
  await api.done("DELETE", `compute/instances/${String(instance.resourceId)}`);
  for (const [path, kind] of paths) {
    expect((await api.ask("DELETE", path)).text).toBe("{}");
    expect((await api.ask("GET", path)).body).toEqual({ code: "NotFound", message: `${kind}_resource not found` });
  }
});

test("names are unique within a project, and other projects' do not count", async () => {
  await using api = await openApi();
  const twice = async (path: string, body: Body, message: string) => {
    await api.done("POST", path, body);
    expect(await refusal(api, "POST", path, body)).toEqual([400, "FailedPrecondition", message]);
    expect((await api.ask("POST", `/v1/projects/other/${path}`, { body })).status).toBe(200);
  };
  const already = (kind: string, field: string) => `${kind}_resource with the same ${field} already exists`;
  await twice("localAccounts", { username: "bob", sshKey: KEY }, already("local_account", "username"));
  await twice("customConfigs", { name: "swap", config: "x" }, already("custom_config", "name"));
  await twice("workloads", { kind: "WORKLOAD_KIND_CLUSTER", externalId: "c-1" }, already("workload", "externalId"));
  const policy = { name: "latest", updatePolicy: "UPDATE_POLICY_LATEST" };
  for (const _ of [1, 2]) await api.done("POST", "os_update_policy", policy);
});

test.each([
  ["localAccounts", { username: "Alice", sshKey: KEY }, "username: must match ^[a-z][a-z0-9-]{0,31}$"],
  ["localAccounts", { username: "a".repeat(33), sshKey: KEY }, "username: must not be longer than 32 characters"],
  ["localAccounts", { username: "alice" }, "sshKey: is needed"],
  ["localAccounts", { username: "alice", sshKey: "ssh-rsa AAAA" }, expect.stringMatching(/^sshKey: must match/)],
  ["customConfigs", { name: "swap" }, "config: is needed"],
  ["customConfigs", { name: "swap", config: "x".repeat(16_385) }, "config: must not be longer than 16384 characters"],
  ["os_update_policy", {}, "name: is needed"],
  ["os_update_policy", { name: "x", updatePolicy: "LATEST" }, expect.stringMatching(/^updatePolicy: must be one of/)],
  ["os_update_policy", { name: "x", targetOsId: "os-00000001" }, "operating_system_resource not found"],
  ["workloads", { name: "x" }, "kind: is needed"],
])("%s refuses %j", async (path, body, message) => {
  await using api = await openApi();
  expect(await refusal(api, "POST", path, body)).toEqual([400, "InvalidArgument", message]);
});

test("optional texts may be sent empty, as clients of this API do", async () => {
  await using api = await openApi();
  await api.done("POST", "customConfigs", { name: "swap", description: "swap", config: "x" });
  const policy = { name: "latest", description: "", updatePackages: "", updateKernelCommand: "", targetOsId: "" };
  await api.done("POST", "os_update_policy", { ...policy, updateSources: [], updatePolicy: "UPDATE_POLICY_LATEST" });
});

test("accounts, configurations and policies are made and deleted, never changed", async () => {
  await using api = await openApi();
  const { account, swap, policy } = await inputs(api);
  const paths = [
    `localAccounts/${String(account.resourceId)}`,
    `customConfigs/${String(swap.resourceId)}`,
    `os-update-policies/${String(policy.resourceId)}`,
  ];
  for (const path of paths) {
    for (const method of ["PUT", "PATCH"] as const) {
      expect((await api.ask(method, path, { body: { name: "x" } })).status).toBe(405);
    }
  }
});

test("a workload is changed in name and status, not in kind, and deleted", async () => {
  await using api = await openApi();
  const made = await api.done("POST", "workloads", { kind: "WORKLOAD_KIND_CLUSTER", name: "a", externalId: "c-1" });
  const path = `workloads/${String(made.resourceId)}`;
  expect(made).toMatchObject({ workloadId: made.resourceId, status: "", members: [] });
  expect(await api.done("PATCH", path, { status: "Ready" })).toMatchObject({ name: "a", status: "Ready" });
  const whole = { ...made, name: "b", generation: undefined };
  expect(await api.done("PUT", `compute/${path}`, whole)).toMatchObject({ name: "b", status: "" });
  expect(await refusal(api, "PATCH", path, { kind: "WORKLOAD_KIND_UNSPECIFIED" })).toEqual([
    ...[400, "FailedPrecondition", "kind cannot be changed"],
  ]);
  expect((await api.ask("DELETE", path)).text).toBe("{}");
  expect((await api.ask("GET", path)).body.message).toBe("workload_resource not found");
});
