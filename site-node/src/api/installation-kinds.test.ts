import { expect, test } from "vitest";
import { SiteApi } from "../testing/site-api.ts";
import { gone, row, SITE } from "../testing/test-site.ts";

const ACCOUNT = row("local_account", "localaccount-00000001", 2, { username: "alice", sshKey: "ssh-ed25519 AAAA" });
const SWAP = row("custom_config", "customconfig-00000001", 3, { name: "swap", config: "swap: none" });
const policy = (targetOsId: string) =>
  row("os_update_policy", "osupdatepolicy-00000001", 4, { name: "to debian", targetOsId });
const CLUSTER = row("workload", "workload-00000001", 5, { kind: "WORKLOAD_KIND_CLUSTER", name: "till cluster" });

const LISTS = [
  ["localAccounts", { localAccounts: [{ username: "alice" }] }],
  ["customConfigs", { customConfigs: [{ name: "swap", config: "swap: none" }] }],
  ["os-update-policies", { osUpdatePolicies: [{ name: "to debian", targetOs: { name: "debian" } }] }],
  ["workloads", { workloads: [{ name: "till cluster" }] }],
] as const;

test("a cut-off site shows what machines are installed and updated with, at either prefix", async () => {
  await using it = await SiteApi.open();
  await it.tenantFeed(ACCOUNT, SWAP, policy(it.os), CLUSTER);
  for (const [path, shown] of LISTS) {
    expect((await it.ask("GET", path)).body).toMatchObject({ ...shown, totalElements: 1 });
  }
  const headers = { ActiveProjectID: "default" };
  const old = await it.ask("GET", "/edge-infra.orchestrator.apis/v2/localAccounts", { headers });
  expect(old.body).toMatchObject(LISTS[0][1]);
});

test("what all sites share is made and deleted at the hub, also what machines are installed with", async () => {
  await using it = await SiteApi.open();
  await it.tenantFeed(ACCOUNT, SWAP, policy(it.os), CLUSTER);
  const config = { name: "motd", config: "x" };
  expect(await it.ask("POST", "customConfigs", { body: config })).toMatchObject({ status: 403 });
  expect(await it.ask("DELETE", "localAccounts/localaccount-00000001")).toMatchObject({ status: 403 });
});

test("an instance is made at a cut-off site with an account and configurations, of those that are offered", async () => {
  await using it = await SiteApi.open();
  await it.tenantFeed(ACCOUNT, SWAP);
  const body = { hostID: it.own, osID: it.os, localAccountID: "localaccount-00000001" };
  const made = await it.ask("POST", "compute/instances", {
    body: { ...body, customConfigID: ["customconfig-00000001"] },
  });
  expect(made).toMatchObject({
    status: 200,
    body: { localaccount: { username: "alice" }, customConfig: [{ name: "swap" }] },
  });
});

test("an instance is not shown before the configuration that it is to be installed with has come (rule 12)", async () => {
  await using it = await SiteApi.open();
  const fields = { hostID: it.own, osID: it.os, customConfigID: ["customconfig-00000001"] };
  await it.siteFeed(row("instance", "inst-00000001", 6, fields, { owner: SITE }));
  expect((await it.ask("GET", "compute/instances")).body).toMatchObject({ instances: [] });
  await it.tenantFeed(SWAP);
  expect((await it.ask("GET", "compute/instances")).body).toMatchObject({
    instances: [{ resourceId: "inst-00000001", customConfig: [{ name: "swap" }] }],
  });
});

test("what names an instance of the site is shown there, and goes with it in whatever order the hub says so", async () => {
  await using it = await SiteApi.open();
  await it.tenantFeed(CLUSTER, policy(it.os));
  const [of, ours] = [{ instanceId: "inst-00000001" }, { owner: SITE }];
  const member = { kind: "WORKLOAD_MEMBER_KIND_CLUSTER_NODE", workloadId: "workload-00000001", ...of };
  const run = { name: "till update", appliedPolicyId: "osupdatepolicy-00000001", ...of };
  await it.siteFeed(
    row("os_update_run", "osupdaterun-00000001", 6, run, ours),
    row("workload_member", "workloadmember-00000001", 7, member, ours),
    row("instance", "inst-00000001", 8, { hostID: it.own, osID: it.os }, ours),
  );
  expect((await it.ask("GET", "os-update-runs")).body).toMatchObject({
    osUpdateRuns: [{ name: "till update", appliedPolicy: { name: "to debian" }, instance: { host: { name: "own" } } }],
  });
  expect((await it.ask("GET", "workloads")).body).toMatchObject({
    workloads: [{ members: [{ instance: { resourceId: "inst-00000001" } }] }],
  });
  await it.siteFeed(
    gone("instance", "inst-00000001"),
    gone("workload_member", "workloadmember-00000001"),
    gone("os_update_run", "osupdaterun-00000001"),
  );
  for (const path of ["compute/instances", "workload_members", "os-update-runs"]) {
    expect((await it.ask("GET", path)).body).toMatchObject({ totalElements: 0 });
  }
});
