import { expect, test } from "vitest";
import { startTestHub, type TestHub } from "../hub-harness.ts";

const PROJECT = "/v1/projects/default";
const RUNS = `${PROJECT}/os-update-runs`;

async function token(hub: TestHub, name: string, ...fields: string[]): Promise<string> {
  const made = await hub.ask("POST", `${PROJECT}/service-tokens`, { name, roles: ["manager"], fields });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  expect(made.body.fields).toEqual(fields);
  return made.body.token;
}

/** A hub with two instances and a policy. */
async function startWithInstances() {
  const hub = await startTestHub();
  const site = await hub.site();
  const make = async (path: string, body: object) =>
    (await hub.ask("POST", `${PROJECT}/${path}`, body)).body.resourceId;
  const osID = await make("compute/os", { name: "debian", sha256: "a".repeat(64) });
  const instance = async (name: string) => {
    const hostID = await make("compute/hosts", { name, siteId: site.id });
    return make("compute/instances", { hostID, osID });
  };
  const policy = await make("os-update-policies", { name: "latest", updatePolicy: "UPDATE_POLICY_LATEST" });
  return { hub, instance: await instance("till"), other: await instance("door"), policy };
}

const BEGUN = {
  name: "till update",
  status: "Updating",
  statusIndicator: "STATUS_INDICATION_IN_PROGRESS",
  startTime: 7,
};

test("the manager of OS updates makes their runs, changes and deletes them, and the audit log names it", async () => {
  const { hub: opened, instance, policy } = await startWithInstances();
  await using hub = opened;
  const as = await token(hub, "updates", "os_update_run.*");
  const refers = { instance: { resourceId: instance }, appliedPolicy: { resourceId: policy } };
  const made = await hub.ask("POST", RUNS, { ...BEGUN, ...refers }, as);
  expect(made, JSON.stringify(made.body)).toMatchObject({
    status: 200,
    body: { ...BEGUN, instance: { instanceID: instance }, appliedPolicy: { name: "latest" } },
  });
  const path = `${RUNS}/${made.body.resourceId}`;
  const ended = { status: "Update completed", statusIndicator: "STATUS_INDICATION_IDLE", endTime: 9 };
  expect((await hub.ask("PATCH", path, { ...ended, generation: 7 }, as)).status).toBe(409);
  // What was read comes back whole, changed in what the manager knows.
  expect(await hub.ask("PATCH", path, { ...made.body, ...ended }, as)).toMatchObject({ status: 200, body: ended });
  expect((await hub.ask("GET", path)).body).toMatchObject({ ...BEGUN, ...ended, appliedPolicy: { name: "latest" } });
  expect((await hub.ask("PATCH", path, { appliedPolicy: null }, as)).body.appliedPolicy).toMatchObject({ name: "" });
  const { body: log } = await hub.ask("GET", `${PROJECT}/audit?kind=os_update_run`);
  expect(log.entries.map(({ actor, operation }: Record<string, string>) => [actor, operation]).toSorted()).toEqual([
    ["manager:updates", "create"],
    ["manager:updates", "update"],
    ["manager:updates", "update"],
  ]);
  expect(await hub.ask("DELETE", path, undefined, as)).toMatchObject({ status: 200, body: {} });
  expect((await hub.ask("GET", path)).status).toBe(404);
});

test("what a run says is checked, and it stays with its instance", async () => {
  const { hub: opened, instance, other } = await startWithInstances();
  await using hub = opened;
  const as = await token(hub, "updates", "os_update_run.*");
  const refused = async (method: string, path: string, body: object) => {
    const answer = await hub.ask(method, path, body, as);
    return [answer.status, answer.body.code, answer.body.message];
  };
  const of = { instance: { resourceId: instance } };
  expect(await refused("POST", RUNS, BEGUN)).toEqual([400, "InvalidArgument", "instance: is needed"]);
  expect(await refused("POST", RUNS, { instance })).toEqual([400, "InvalidArgument", "instance: must be an object"]);
  const nothing = { instance: { resourceId: "inst-00000001" } };
  expect(await refused("POST", RUNS, nothing)).toEqual([400, "InvalidArgument", "instance_resource not found"]);
  expect(await refused("POST", RUNS, { ...of, startTime: -1 })).toEqual([
    ...[400, "InvalidArgument", expect.stringContaining("startTime")],
  ]);
  expect(await refused("POST", RUNS, { ...of, resourceId: "osupdaterun-00000001" })).toEqual([
    ...[400, "InvalidArgument", expect.stringContaining("resourceId")],
  ]);
  expect(await refused("POST", RUNS, { ...of, nonsense: 1 })).toEqual([
    400,
    "InvalidArgument",
    "nonsense: unknown field",
  ]);
  const { resourceId } = (await hub.ask("POST", RUNS, of, as)).body;
  const moved = { instance: { resourceId: other } };
  expect(await refused("PATCH", `${RUNS}/${resourceId}`, moved)).toEqual([
    ...[400, "FailedPrecondition", "instanceId cannot be changed"],
  ]);
});

test("nobody else makes or changes a run, and their manager writes nothing else", async () => {
  const { hub: opened, instance } = await startWithInstances();
  await using hub = opened;
  const as = await token(hub, "updates", "os_update_run.*");
  const amt = await token(hub, "amt", "host.amtStatus");
  const of = { instance: { resourceId: instance } };
  const { resourceId } = (await hub.ask("POST", RUNS, of, as)).body;
  const path = `${RUNS}/${resourceId}`;
  for (const other of [undefined, amt]) {
    expect((await hub.ask("POST", RUNS, of, other)).status).toBe(403);
    expect((await hub.ask("PATCH", path, { status: "x" }, other)).status).toBe(403);
  }
  expect((await hub.ask("DELETE", path, undefined, amt)).status).toBe(403);
  for (const [method, at, body] of [
    ["POST", "regions", { name: "r" }],
    ["PATCH", `compute/instances/${instance}`, { name: "x" }],
    ["DELETE", `compute/instances/${instance}`, undefined],
  ] as const) {
    expect((await hub.ask(method, `${PROJECT}/${at}`, body, as)).status, at).toBe(403);
  }
  expect((await hub.ask("DELETE", path)).status).toBe(200);
});

test("only what operators do not write is kept by a manager, by one in a project", async () => {
  await using hub = await startTestHub();
  await token(hub, "updates", "os_update_run.*");
  const refused = async (fields: string[]) => {
    const asked = { name: "x", roles: ["manager"], fields };
    return (await hub.ask("POST", `${PROJECT}/service-tokens`, asked)).body.message;
  };
  expect(await refused(["os_update_run.*"])).toContain("managed by updates already");
  for (const each of ["host.*", "region.*", "nonsense.*"]) {
    expect(await refused([each])).toMatch(/is no kind that a manager keeps$/);
  }
  expect(await refused(["os_update_run.status"])).toContain("is none that a manager can observe");
});
