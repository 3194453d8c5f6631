import { expect, test } from "vitest";
import { PathTree } from "./path-tree.ts";

function treeOf(...all: readonly (readonly [method: string, path: string])[]): PathTree<string> {
  const tree = new PathTree<string>();
  for (const [method, path] of all) tree.add(method, path, `${method} ${path}`);
  return tree;
}

const segments = (path: string) => path.split("/").slice(1);

test("a path is found with what its parameters are, under the names that it has for them", () => {
  const tree = treeOf(["GET", "/regions/{resourceId}"], ["GET", "/regions/{regionId}/sites/{resourceId}"]);
  expect(tree.find("GET", segments("/regions/region-1"))).toEqual({
    value: "GET /regions/{resourceId}",
    parameters: { resourceId: "region-1" },
  });
  expect(tree.find("GET", segments("/regions/region-1/sites/site-2"))?.parameters).toEqual({
    regionId: "region-1",
    resourceId: "site-2",
  });
  for (const unknown of ["/", "/regions", "/regions/a/sites", "/regions/a/sites/b/c", "/Regions/a"]) {
    expect([unknown, tree.find("GET", segments(unknown))]).toEqual([unknown, undefined]);
  }
});

test("a name goes before a parameter, but not with a method that it does not have", () => {
  const tree = treeOf(["GET", "/hosts/{id}"], ["PATCH", "/hosts/{id}"], ["GET", "/hosts/summary"]);
  expect(tree.find("GET", segments("/hosts/summary"))?.value).toBe("GET /hosts/summary");
  expect(tree.find("PATCH", segments("/hosts/summary"))?.value).toBe("PATCH /hosts/{id}");
  expect(tree.find("DELETE", segments("/hosts/summary"))).toBeUndefined();
  expect(tree.methodsAt(segments("/hosts/summary"))).toEqual(["GET", "PATCH"]);
  expect(tree.methodsAt(segments("/nothing"))).toEqual([]);
});

test("a way that leads nowhere leaves no parameters behind", () => {
  const tree = treeOf(["GET", "/regions/all/{place}/sites"], ["GET", "/regions/{id}/{what}"]);
  expect(tree.find("GET", segments("/regions/all/sites"))?.parameters).toEqual({ id: "all", what: "sites" });
});

test("two things at one place are a mistake", () => {
  const tree = treeOf(["GET", "/hosts/{id}"]);
  expect(() => tree.add("GET", "/hosts/{hostId}", "another")).toThrow("GET /hosts/{hostId} is there twice");
});
