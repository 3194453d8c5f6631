import { expect, test } from "vitest";
import { atTheHub } from "./at-the-hub.ts";

const PROJECT = "/v1/projects/default";

test.each([
  ["sites/site-00000001/enrolment-tokens", /enrolment tokens are made at the hub/],
  ["sites/site-00000001/tokens", /at the hub/],
  ["sites/site-00000001/tokens/token-0000000000000001", /at the hub/],
  ["sites/site-00000001/retire", /at the hub/],
  ["sites/site-00000001/status", /\/v1\/status/],
  ["compute/hosts/host-00000001/rehome", /at the hub/],
  ["compute/hosts/host-00000001/force-release", /at the hub/],
  ["compute/hosts/host-00000001/force", /at the hub/],
])("who asks a site for %s is told where that is", (path, said) => {
  expect(atTheHub(`${PROJECT}/${path}`, "POST")).toMatch(said);
});

test("a path that nobody answers is no path of the hub", () => {
  for (const path of ["/v1/nothing", `${PROJECT}/nothing`, `${PROJECT}/sites/a/b/retire`]) {
    expect(atTheHub(path, "GET")).toBeUndefined();
  }
});

test("projects and organisations are looked after at the hub", () => {
  for (const method of ["PUT", "DELETE"]) expect(atTheHub(PROJECT, method)).toMatch(/^projects .* at the hub/);
  for (const path of ["/v1/orgs", "/v1/orgs/north"])
    expect(atTheHub(path, "GET")).toMatch(/^organisations .* at the hub/);
  expect(atTheHub(PROJECT, "POST")).toBeUndefined();
});
