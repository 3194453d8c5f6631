import { describe, expect, test } from "vitest";
import {
  type Action,
  type Grant,
  managedFields,
  may,
  mayAnywhere,
  mayAtHub,
  mayInOrganisation,
  operatorGrants,
  PROJECT_ROLES,
} from "./roles.ts";

const ACTIONS: readonly Action[] = ["read", "write", "power", "console", "audit", "observe"];
const manager: Grant = { role: "manager", projects: ["a"], fields: { host: ["amtStatus"] } };
const actionsIn = (grants: readonly Grant[], tenant: string) => ACTIONS.filter((each) => may({ grants }, each, tenant));

describe("what a role of a project lets its holder do", () => {
  test.each<[string, readonly Grant[], readonly Action[]]>([
    ["none", [], []],
    ["im-r", [{ role: "im-r", projects: ["a"] }], ["read"]],
    ["im-rw", [{ role: "im-rw", projects: ["a"] }], ["read", "write", "power", "console"]],
    ["oob-power", [{ role: "oob-power", projects: ["a"] }], ["read", "power"]],
    ["oob-console", [{ role: "oob-console", projects: ["a"] }], ["read", "console"]],
    ["auditor", [{ role: "auditor", projects: ["a"] }], ["read", "audit"]],
    ["manager", [manager], ["read", "observe"]],
    [
      "several",
      [
        { role: "oob-power", projects: ["a"] },
        { role: "auditor", projects: "all" },
      ],
      ["read", "power", "audit"],
    ],
    ["one of the organisation", [{ role: "project-write-role", organisations: "all" }], []],
    ["an administrator of the hub", [{ role: "hub-admin" }], ["read", "audit"]],
  ])("%s", (_what, grants, actions) => {
    expect(actionsIn(grants, "a")).toEqual(actions);
    for (const action of ACTIONS) expect(mayAnywhere({ grants }, action)).toBe(actions.includes(action));
  });

  test("no role of one project opens another", () => {
    for (const role of PROJECT_ROLES) expect(actionsIn([{ role, projects: ["a"] }], "b")).toEqual([]);
    expect(actionsIn([manager], "b")).toEqual([]);
    expect(actionsIn([{ role: "im-rw", projects: [] }], "a")).toEqual([]);
    expect(mayAnywhere({ grants: [{ role: "im-rw", projects: [] }] }, "read")).toBe(false);
  });
});

test("the roles of an organisation are about its projects, not about what is in them, nor about another's", () => {
  const holder = { grants: [{ role: "project-delete-role", organisations: ["o"] }] as const };
  expect(mayInOrganisation(holder, "delete-projects", "o")).toBe(true);
  expect(mayInOrganisation(holder, "read-projects", "o")).toBe(true);
  expect(mayInOrganisation(holder, "create-projects", "o")).toBe(false);
  expect(mayInOrganisation(holder, "delete-projects", "p")).toBe(false);
  expect(mayInOrganisation({ grants: [{ role: "im-rw", projects: "all" }] }, "read-projects", "o")).toBe(false);
});

test("an administrator of the hub has what the roles of organisations give, and they have not what it has", () => {
  const admin = { grants: [{ role: "hub-admin" }] as const };
  expect(mayInOrganisation(admin, "create-projects", "o")).toBe(true);
  expect(mayAtHub(admin, "delete-organisations")).toBe(true);
  const reader = { grants: [{ role: "org-read-role" }] as const };
  expect(mayAtHub(reader, "read-organisations")).toBe(true);
  expect(mayAtHub(reader, "create-organisations")).toBe(false);
  expect(mayAtHub(reader, "administer")).toBe(false);
  expect(mayInOrganisation(reader, "read-projects", "o")).toBe(false);
});

test("operators' tokens mean what they did: to write is to switch power too, and in all projects to administer the hub", () => {
  expect(actionsIn(operatorGrants("read", ["a"]), "a")).toEqual(["read"]);
  expect(actionsIn(operatorGrants("write", ["a"]), "a")).toEqual(["read", "write", "power", "console"]);
  expect(mayAtHub({ grants: operatorGrants("write", "all") }, "administer")).toBe(true);
  expect(mayAtHub({ grants: operatorGrants("write", ["a"]) }, "administer")).toBe(false);
  expect(mayAtHub({ grants: operatorGrants("read", "all") }, "administer")).toBe(false);
});

test("a manager has the fields of the kinds that it was granted, in its projects", () => {
  expect(managedFields({ grants: [manager] }, "host", "a")).toEqual(["amtStatus"]);
  expect(managedFields({ grants: [manager] }, "host", "b")).toEqual([]);
  expect(managedFields({ grants: [manager] }, "instance", "a")).toEqual([]);
});
