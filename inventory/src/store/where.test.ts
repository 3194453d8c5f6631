import { Instance, type Kind, Site } from "@holdfast/protocol";
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from "kysely";
import { expect, test } from "vitest";
import type { Condition } from "./condition.ts";
import { whereOf } from "./where.ts";

const database = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

function lookups(kind: Kind, ...paths: string[]): number {
  const of = paths.map((path): Condition => ({ is: "compare", path: path.split("."), operator: "equal", value: "x" }));
  const where = whereOf(kind, "t", { is: "or", of }, { like: "like", silent: false });
  return where.compile(database).sql.split("exists (").length - 1;
}

test("what a reference leads to is looked at once, however many alternatives go through it", () => {
  expect(lookups(Instance, "host.name", "host.hostStatus", "host.serialNumber", "name")).toBe(1);
  expect(lookups(Instance, "host.name", "os.name", "host.serialNumber")).toBe(2);
  const [first, second, third] = ["region", "region.parentRegion", "region.parentRegion.parentRegion"];
  expect(lookups(Site, `${first}.resourceId`, `${second}.resourceId`, `${third}.resourceId`)).toBe(2);
});
