import { expect, test } from "vitest";
import { openApi } from "./api-under-test.ts";

const REGION = { name: "north" };
const hidden = { status: 404, text: '{"code":"NotFound","message":"project not found"}' };

test("who has no role in a project finds none, whatever they want of it, as where there is none", async () => {
  await using api = await openApi();
  const { resourceId } = await api.done("POST", "compute/hosts", { name: "a" });
  for (const project of ["acme", api.acme.id, "nobodys"]) {
    for (const [method, path, body] of [
      ["GET", "regions", undefined],
      ["POST", "regions", REGION],
      ["POST", "regions", { nonsense: 1 }],
      ["PATCH", `compute/hosts/${String(resourceId)}`, { name: "b" }],
      ["POST", `compute/hosts/${String(resourceId)}/commands`, { command: "reset" }],
      ["DELETE", `compute/hosts/${String(resourceId)}`, undefined],
    ] as const) {
      const answer = await api.ask(method, `/v1/projects/${project}/${path}`, { body, as: "writer-of-other" });
      expect([project, method, path, answer]).toEqual([project, method, path, expect.objectContaining(hidden)]);
    }
  }
});

test("who sees a project and may not do what they want is told so, before what they sent is looked at", async () => {
  await using api = await openApi();
  for (const role of ["im-r", "oob-power", "oob-console", "auditor"]) {
    expect(await api.ask("GET", "regions", { as: role })).toMatchObject({ status: 200 });
    for (const body of [REGION, { nonsense: 1 }, "{"]) {
      const answer = await api.ask("POST", "regions", { body, as: role });
      expect(answer).toMatchObject({ status: 403, body: { code: "PermissionDenied" } });
      expect(answer.body.message).toBe("this role may read, not write");
    }
  }
  expect(await api.ask("POST", "regions", { body: REGION, as: "im-rw" })).toMatchObject({ status: 200 });
});

test("a machine is told to do something by who may write, and by who may switch machines", async () => {
  await using api = await openApi();
  const { resourceId } = await api.done("POST", "compute/hosts", { name: "a" });
  const ask = async (as: string) => {
    return api.ask("POST", `compute/hosts/${String(resourceId)}/commands`, { body: { command: "reset" }, as });
  };
  for (const role of ["im-rw", "oob-power"]) expect(await ask(role)).toMatchObject({ status: 200 });
  for (const role of ["im-r", "oob-console", "auditor"]) {
    const message = "this role may not switch machines";
    expect(await ask(role)).toMatchObject({ status: 403, body: { code: "PermissionDenied", message } });
  }
});

test("who may switch machines changes of a host what is about power, and of nothing else anything", async () => {
  await using api = await openApi();
  const { resourceId: region } = await api.done("POST", "regions", REGION);
  const { resourceId } = await api.done("POST", "compute/hosts", { name: "a" });
  const path = `compute/hosts/${String(resourceId)}`;
  const patch = (body: object, at = path) => api.ask("PATCH", at, { body, as: "oob-power" });
  const off = { desiredPowerState: "POWER_STATE_OFF", powerCommandPolicy: "POWER_COMMAND_POLICY_IMMEDIATE" };
  expect(await patch(off)).toMatchObject({ status: 200, body: off });
  expect(await patch({ name: "a", desiredPowerState: "POWER_STATE_ON" })).toMatchObject({ status: 200 });
  const renamed = await patch({ name: "b", desiredPowerState: "POWER_STATE_OFF" });
  expect(renamed).toMatchObject({ status: 403, body: { message: "name: this role may not write it" } });
  expect(await api.done("GET", path)).toMatchObject({ name: "a", desiredPowerState: "POWER_STATE_ON" });
  expect(await patch({ name: "south" }, `regions/${String(region)}`)).toMatchObject({ status: 403 });
  expect(await api.ask("PUT", path, { body: off, as: "oob-power" })).toMatchObject({ status: 403 });
  expect(await api.ask("PATCH", path, { body: off, as: "im-r" })).toMatchObject({ status: 403 });
});

test("a program's own routes say what they need, or look for themselves", async () => {
  await using api = await openApi({
    extend: (app) => {
      app.get("/v1/projects/:projectName/log", { config: { needs: ["audit"] } }, async () => ({}));
      app.post("/v1/mine", { config: { needs: "own" } }, async () => ({}));
      app.post("/v1/any", async () => ({}));
    },
  });
  const status = async (method: "GET" | "POST", path: string, as: string) =>
    (await api.ask(method, path, { as })).status;
  expect(await status("GET", "log", "auditor")).toBe(200);
  expect(await status("GET", "log", "im-rw")).toBe(403);
  expect(await status("GET", "log", "writer-of-other")).toBe(404);
  expect(await status("GET", "/v1/projects/other/log", "auditor")).toBe(404);
  expect(await status("POST", "/v1/mine", "im-r")).toBe(200);
  expect(await status("POST", "/v1/any", "im-r")).toBe(403);
  expect(await status("POST", "/v1/any", "im-rw")).toBe(200);
});

test("nothing changes in a project that is being deleted, and nobody but the hub's administrators sees it any more", async () => {
  await using api = await openApi();
  const { inventory, acme } = api;
  const { resourceId } = await api.done("POST", "compute/hosts", { name: "a" });
  await inventory.store.write((tx) => inventory.freezeTenantIn(tx, { actor: "hub", tenant: acme.id }));
  for (const role of ["im-r", "im-rw", "auditor", "oob-power"]) {
    expect([role, await api.ask("GET", "regions", { as: role })]).toEqual([role, expect.objectContaining(hidden)]);
  }
  const message = "project acme is being deleted: nothing new is taken for it";
  for (const [method, path, body] of [
    ["POST", "regions", REGION],
    ["DELETE", `compute/hosts/${String(resourceId)}`, undefined],
    ["POST", `compute/hosts/${String(resourceId)}/commands`, { command: "reset" }],
  ] as const) {
    const refused = { status: 400, body: { code: "FailedPrecondition", message } };
    expect(await api.ask(method, path, { body })).toMatchObject(refused);
  }
});
