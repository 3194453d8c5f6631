import { expect, test } from "vitest";
import { openApi } from "../api-under-test.ts";

test("finds regions and sites by name, with the regions above them", async () => {
  await using api = await openApi();
  const north = await api.done("POST", "regions", { name: "north" });
  const oslo = await api.done("POST", "regions", { name: "oslo", parentId: north.resourceId });
  const site = await api.done("POST", "sites", { name: "Harbour of Oslo", regionId: oslo.resourceId });
  const root = { resourceId: north.resourceId, parentId: "", name: "north", type: "RESOURCE_KIND_REGION" };
  const region = {
    resourceId: oslo.resourceId,
    parentId: north.resourceId,
    name: "oslo",
    type: "RESOURCE_KIND_REGION",
  };
  const place = {
    resourceId: site.resourceId,
    parentId: oslo.resourceId,
    name: "Harbour of Oslo",
    type: "RESOURCE_KIND_SITE",
  };
  expect(await api.done("GET", "locations?name=oslo&showSites=true&showRegions=true")).toEqual({
    nodes: [region, place, root],
    totalElements: 2,
    outputElements: 2,
  });
  expect(await api.done("GET", "locations?name=harb&showSites=true")).toEqual({
    nodes: [place, region, root],
    totalElements: 1,
    outputElements: 1,
  });
  expect(await api.done("GET", "locations?name=harb&showRegions=true")).toEqual({
    nodes: [],
    totalElements: 0,
    outputElements: 0,
  });
});

test("shows at most fifty of a kind and says how many there are", async () => {
  await using api = await openApi();
  for (let index = 0; index < 51; index++) await api.done("POST", "regions", { name: `r${index}` });
  const found = await api.done("GET", "locations?name=r&showRegions=true");
  expect(found).toMatchObject({ totalElements: 51, outputElements: 50 });
  expect(found.nodes).toHaveLength(50);
});

test.each([
  ["locations?showSites=true", "name: is needed"],
  ["locations?name=x", "showSites: it or showRegions must be true"],
  ["locations?name=x&showSites=false", "showSites: it or showRegions must be true"],
  ["locations?name=x%3B&showSites=true", "name: must match ^$|^[a-zA-Z-_0-9./: ]+$"],
])("%s is refused", async (path, message) => {
  await using api = await openApi();
  expect(await api.ask("GET", path)).toMatchObject({ status: 400, body: { code: "InvalidArgument", message } });
});
