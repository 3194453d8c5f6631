import { Host, Region } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { readOrder } from "./order.ts";

test("fields in turn, ascending unless desc is said, in camel or in snake case", () => {
  expect(readOrder(Host, "name, hostStatus desc,  desired_state  asc")).toEqual([
    { field: "name", descending: false },
    { field: "hostStatus", descending: true },
    { field: "desiredState", descending: false },
  ]);
  expect(readOrder(Region, "regionID desc")).toEqual([{ field: "resourceId", descending: true }]);
});

test.each(["nothing", "site.name", "site", "hostNics", "metadata", "provider", "toString"])(
  "%s is no field to order hosts by",
  (field) => {
    expect(() => readOrder(Host, field)).toThrow(`orderBy: unknown field "${field}"`);
  },
);

test.each(["name up", "name asc desc", "name desc asc"])("%s is no order", (orderBy) => {
  expect(() => readOrder(Host, orderBy)).toThrow("is not: field, field asc or field desc");
});

test("an empty part, a strange character and too long a text are refused", () => {
  expect(() => readOrder(Host, "name,")).toThrow("a field name is missing");
  expect(() => readOrder(Host, "name;")).toThrow("a character that is not allowed");
  expect(() => readOrder(Host, "name,".repeat(201))).toThrow("longer than 1000");
});

test("a field that is named again orders nothing more", () => {
  expect(readOrder(Host, "name desc,cpuCores,name,cpu_cores desc")).toEqual([
    { field: "name", descending: true },
    { field: "cpuCores", descending: false },
  ]);
});
