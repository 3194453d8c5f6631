import { expect, test } from "vitest";
import { RequestMetrics } from "../../metrics/requests.ts";
import { openApi } from "../api-under-test.ts";

const OLD = "/edge-infra.orchestrator.apis/v2";
const OF_ACME = { ActiveProjectID: "acme" };

test("however many kinds there are, the server has one route for each prefix", async () => {
  await using api = await openApi();
  const routes = api.app.printRoutes();
  expect(routes).toContain("*");
  expect(routes).not.toContain("hosts");
});

test("a path is taken apart as it is written: an escaped letter is that letter, an escaped slash parts nothing", async () => {
  await using api = await openApi();
  const status = async (path: string) => (await api.ask("GET", path)).status;
  expect(await status("compute/h%6Fsts")).toBe(200);
  expect(await status("compute%2Fhosts")).toBe(404);
  expect(await status("compute/hosts/")).toBe(200);
  expect(await status(`compute/hosts/${"x".repeat(201)}`)).toBe(414);
  expect(await status(`compute/hosts/${"x".repeat(200)}`)).toBe(400);
});

test("HEAD is answered as GET, without a body", async () => {
  await using api = await openApi();
  for (const path of ["/v1/projects/acme/regions", `${OLD}/regions`]) {
    const get = await api.ask("GET", path, { headers: OF_ACME });
    const head = await api.ask("HEAD", path, { headers: OF_ACME });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", String(get.text.length)]);
  }
});

test("who asks in a way that nobody answers is told so as elsewhere, after they have said who they are", async () => {
  await using api = await openApi();
  const asked = async (path: string, as: string | null = "writer") => {
    const { status, headers } = await api.ask("POST", path, { as, headers: OF_ACME, body: {} });
    return [status, headers.allow];
  };
  const roots = ["/v1/projects/acme", OLD];
  for (const root of roots) {
    expect(await asked(`${root}/nothing`)).toEqual([404, undefined]);
    expect(await asked(`${root}/nothing`, null)).toEqual([401, undefined]);
    expect(await asked(`${root}/regions/region-00000000`)).toEqual([405, "GET, HEAD, PUT, PATCH, DELETE"]);
  }
});

test("requests are counted by the route that they ask for, and by one where there is none", async () => {
  const requests = new RequestMetrics();
  await using api = await openApi({ extend: (app) => requests.watch(app) });
  await api.ask("GET", "regions/region-00000000");
  await api.ask("HEAD", `${OLD}/regions/region-00000000`, { headers: OF_ACME });
  await api.ask("GET", "nothing/one");
  await api.ask("GET", "nothing/two");
  const counted = requests.families()[0]?.samples.map(({ labels, value }) => [labels?.method, labels?.route, value]);
  expect(counted).toEqual([
    ["GET", "/v1/projects/:projectName/regions/:resourceId", 1],
    ["HEAD", `${OLD}/regions/:resourceId`, 1],
    ["GET", "unknown", 2],
  ]);
});
