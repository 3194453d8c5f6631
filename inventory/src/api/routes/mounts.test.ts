import { expect, test } from "vitest";
import { openApi } from "../api-under-test.ts";

const OLD = "/edge-infra.orchestrator.apis/v2";

test("under the old prefix the project is named by a header, or by the query, by name or UUID", async () => {
  await using api = await openApi();
  const { resourceId } = await api.done("POST", "compute/hosts", { name: "till" });
  for (const project of ["acme", api.acme.id]) {
    const headers = { ActiveProjectID: project };
    expect((await api.ask("GET", `${OLD}/hosts`, { headers })).body).toMatchObject({ hosts: [{ resourceId }] });
    const query = `projectName=${project}`;
    expect((await api.ask("GET", `${OLD}/hosts?${query}`)).body).toMatchObject({ hosts: [{ resourceId }] });
    const path = `${OLD}/hosts/${String(resourceId)}`;
    expect((await api.ask("PATCH", path, { headers, body: { name: "door" } })).body).toMatchObject({ name: "door" });
    expect((await api.ask("PUT", `${path}/invalidate?${query}`)).text).toBe("{}");
  }
  expect(await api.done("GET", `compute/hosts/${String(resourceId)}`)).toMatchObject({ name: "door" });
});

test("the header counts where both are there: it is what a gateway sets", async () => {
  await using api = await openApi();
  await api.done("POST", "regions", { name: "north" });
  const headers = { ActiveProjectID: "acme" };
  expect((await api.ask("GET", `${OLD}/regions?projectName=other`, { headers })).body).toMatchObject({
    totalElements: 1,
  });
  const empty = { ActiveProjectID: "" };
  expect((await api.ask("GET", `${OLD}/regions?projectName=other`, { headers: empty })).body).toMatchObject({
    totalElements: 0,
  });
});

test("who names no project is told both ways to name one", async () => {
  await using api = await openApi();
  const refused = async (query: string) => (await api.ask("GET", `${OLD}/hosts${query}`)).text;
  const message = "projectName: name a project, by this in the query or by the header ActiveProjectID";
  expect(await refused("")).toBe(JSON.stringify({ code: "InvalidArgument", message }));
  expect(await refused("?projectName=")).toBe(JSON.stringify({ code: "InvalidArgument", message }));
  expect(await refused("?projectName=acme&projectName=other")).toContain("projectName: is there twice");
  expect((await api.ask("POST", `${OLD}/hosts`, { body: { name: "x" } })).text).toContain(message);
});

test("whose project it is, and who asks, is looked at as anywhere else", async () => {
  await using api = await openApi();
  const headers = { ActiveProjectID: api.acme.id };
  const status = async (method: "GET" | "POST", as: string | null) =>
    (await api.ask(method, `${OLD}/regions`, { as, headers, ...(method === "POST" ? { body: {} } : {}) })).status;
  expect([await status("GET", null), await status("POST", null)]).toEqual([401, 401]);
  expect([await status("GET", "writer-of-other"), await status("POST", "writer-of-other")]).toEqual([404, 404]);
  expect([await status("GET", "im-r"), await status("POST", "im-r"), await status("POST", "im-rw")]).toEqual([
    ...[200, 403, 200],
  ]);
});

test("every operation has the path that it had there: without compute/", async () => {
  await using api = await openApi();
  const headers = { ActiveProjectID: "acme" };
  const lists = [
    ...["hosts", "instances", "operating_systems", "regions", "sites", "providers", "localAccounts", "customConfigs"],
    ...["os_update_policy", "workloads", "hosts_summary", "locations?name=a&showSites=true"],
  ];
  for (const path of lists) {
    const { status } = await api.ask("GET", `${OLD}/${path}`, { headers });
    expect([path, status]).toEqual([path, 200]);
  }
  const registered = await api.ask("POST", `${OLD}/hosts/register`, { headers, body: { serialNumber: "SN00042" } });
  expect(registered.body).toMatchObject({ serialNumber: "SN00042" });
});
