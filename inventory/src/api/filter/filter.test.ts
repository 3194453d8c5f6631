import { Host, Instance, Region, Site } from "@holdfast/protocol";
import type { Fault } from "@holdfast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FilterError } from "./filter-error.ts";
import { readFilter } from "./resolve.ts";

const name = (value: string) => ({ is: "compare", path: ["name"], operator: "contains", value });
const hasName = { is: "has", path: ["name"] };

function refused(kind: typeof Host | typeof Region, filter: string): string {
  try {
    readFilter(kind, filter);
  } catch (error) {
    if (error instanceof FilterError) return error.message;
    throw error;
  }
  throw new Error(`${filter} was not refused`);
}

describe("what filters mean", () => {
  test("texts are compared by contains, in either sort of quotes", () => {
    expect(readFilter(Host, `name="x"`)).toEqual(name("x"));
    expect(readFilter(Host, `name = 'x y'`)).toEqual(name("x y"));
    expect(readFilter(Host, `name = 'say "x"'`)).toEqual(name('say "x"'));
    expect(readFilter(Host, `name != "x"`)).toEqual({ is: "not", of: name("x") });
  });

  test("a star is left to stand for anything", () => {
    expect(readFilter(Host, `name="a*b"`)).toEqual(name("a*b"));
  });

  test("camel case and snake case name the same field", () => {
    const camel = readFilter(Host, `site.region.parentRegion.resourceId="region-00000001"`);
    expect(camel).toEqual({
      is: "compare",
      path: ["site", "region", "parentRegion", "resourceId"],
      operator: "equal",
      value: "region-00000001",
    });
    expect(readFilter(Host, `site.region.parent_region.resource_id="region-00000001"`)).toEqual(camel);
    expect(readFilter(Instance, `host_id="host-00000001"`)).toEqual(readFilter(Instance, `hostID="host-00000001"`));
  });

  test("an id written whole is compared exactly, a part of one by contains", () => {
    expect(readFilter(Host, `resourceId="host-0000000a"`)).toMatchObject({ operator: "equal" });
    expect(readFilter(Host, `resourceId="0000000a"`)).toMatchObject({ operator: "contains" });
    expect(readFilter(Region, `regionID="region-0000000a"`)).toMatchObject({ path: ["resourceId"], operator: "equal" });
  });

  test("numbers, booleans, enumerations and times are compared exactly", () => {
    expect(readFilter(Host, "memoryBytes >= 1024")).toMatchObject({ operator: "at-least", value: 1024 });
    expect(readFilter(Site, "siteLat < -5")).toMatchObject({ operator: "less", value: -5 });
    expect(readFilter(Host, "hostNics.sriovEnabled = true")).toEqual({
      is: "compare",
      path: ["hostNics", "sriovEnabled"],
      operator: "equal",
      value: true,
    });
    expect(readFilter(Host, "desiredState = HOST_STATE_ONBOARDED")).toMatchObject({
      operator: "equal",
      value: "HOST_STATE_ONBOARDED",
    });
    const time = Date.parse("2026-11-23T08:00:00Z");
    expect(readFilter(Host, `createdAt > "2026-11-23T08:00:00Z"`)).toMatchObject({ operator: "greater", value: time });
  });

  test(`"" and null match what is unset, and has what is set`, () => {
    for (const filter of [`name=""`, "name = null", "NOT has(name)"]) {
      expect(readFilter(Host, filter)).toEqual({ is: "not", of: hasName });
    }
    for (const filter of [`name!=""`, "name != null", "has(name)"]) expect(readFilter(Host, filter)).toEqual(hasName);
    expect(readFilter(Host, "has(site)")).toEqual({ is: "has", path: ["siteId"] });
    expect(readFilter(Host, "site = null")).toEqual({ is: "not", of: { is: "has", path: ["siteId"] } });
  });

  test(`"" matches a status that nobody has reported yet, and has one that somebody has`, () => {
    const told = {
      is: "and",
      of: [
        { is: "has", path: ["hostStatus"] },
        { is: "not", of: { is: "compare", path: ["hostStatus"], operator: "equal", value: "Not Connected" } },
      ],
    };
    expect(readFilter(Host, "hostStatus=''")).toEqual({ is: "not", of: told });
    for (const filter of ["host_status!=''", "has(hostStatus)"]) expect(readFilter(Host, filter)).toEqual(told);
  });

  test("OR binds tighter than AND, NOT tighter than both, parentheses tightest", () => {
    const [a, b, c] = [name("a"), name("b"), name("c")];
    expect(readFilter(Host, "name=a AND name=b OR name=c")).toEqual({ is: "and", of: [a, { is: "or", of: [b, c] }] });
    expect(readFilter(Host, "(name=a AND name=b) OR name=c")).toEqual({ is: "or", of: [{ is: "and", of: [a, b] }, c] });
    expect(readFilter(Host, "NOT name=a OR name=b")).toEqual({ is: "or", of: [{ is: "not", of: a }, b] });
    expect(readFilter(Host, "-name=a OR name=b")).toEqual({ is: "or", of: [{ is: "not", of: a }, b] });
    expect(readFilter(Host, "-(name=a AND NOT -name=b)")).toEqual({
      is: "not",
      of: { is: "and", of: [a, { is: "not", of: { is: "not", of: b } }] },
    });
    expect(readFilter(Site, "siteLat=-5")).toMatchObject({ is: "compare", value: -5 });
  });
});

describe("what filters are refused, and where", () => {
  test("an unknown field, by its whole name", () => {
    expect(refused(Host, `has(site) AND site.nothing="x"`)).toBe('filter: unknown field "site.nothing" at position 15');
    expect(refused(Host, `constructor="x"`)).toContain('unknown field "constructor"');
    expect(refused(Host, `name.x="x"`)).toContain('unknown field "name.x"');
  });

  test("a secret, as if it were unknown", () => {
    expect(refused(Host, `provider.apiCredentials="x"`)).toContain("unknown field");
  });

  test("a bare literal", () => {
    expect(refused(Host, "Running")).toContain('"Running" alone is no condition');
    expect(refused(Host, `"Running"`)).toBe("filter: a field name is missing at position 1");
  });

  test("a value that the field cannot have", () => {
    expect(refused(Host, "desiredState=ONBOARDED")).toContain('"ONBOARDED" is none of the values of desiredState');
    expect(refused(Host, "cpuCores=many")).toContain("cpuCores is a whole number");
    expect(refused(Host, "cpuCores=99999999999999999999")).toContain("cpuCores is a whole number");
    expect(refused(Host, "hostNics.sriovEnabled=1")).toContain("sriovEnabled is true or false");
    expect(refused(Host, "createdAt > yesterday")).toContain("createdAt is a time");
  });

  test("an order between what has none", () => {
    expect(refused(Host, "desiredState > HOST_STATE_ONBOARDED")).toContain("= and != only");
    expect(refused(Host, "name < null")).toContain("= and != only");
  });

  test("a resource compared with a value", () => {
    expect(refused(Host, `site="x"`)).toContain('"site" is not a value');
  });

  test("what is not whole", () => {
    expect(refused(Host, "")).toContain("a field name is missing");
    expect(refused(Host, "name=")).toBe("filter: a value is missing at position 6");
    expect(refused(Host, "(name=a")).toContain("a closing parenthesis is missing");
    expect(refused(Host, "name=a)")).toContain("a parenthesis that was not opened");
    expect(refused(Host, "name=a name=b")).toContain("AND or OR is missing");
    expect(refused(Host, "name=a AND")).toContain("a field name is missing");
    expect(refused(Host, `name="a`)).toContain("is not closed");
    expect(refused(Host, "has name")).toContain("no condition");
  });

  test("a path through more than five resources", () => {
    const five = "region.parentRegion.parentRegion.parentRegion.parentRegion";
    expect(readFilter(Site, `${five}.name=a`)).toMatchObject({ operator: "contains" });
    expect(refused(Host, `site.${five}.name=a`)).toContain("more than 5 resources");
  });

  test("a filter longer than 1000 characters", () => {
    expect(readFilter(Host, `name="${"a".repeat(993)}"`)).toMatchObject({ is: "compare" });
    expect(refused(Host, `name="${"a".repeat(994)}"`)).toContain("longer than 1000 characters");
  });

  test("a character outside the documented set, with its position", () => {
    expect(refused(Host, `name="a;b"`)).toBe("filter: a character that filters do not allow at position 8");
    expect(refused(Host, "name:a")).toContain('":" outside quotes (use has(…) or "=") at position 5');
  });

  test("nesting deeper than 32", () => {
    const nested = (depth: number) => `${"(".repeat(depth)}name=a${")".repeat(depth)}`;
    expect(readFilter(Host, nested(32))).toEqual(name("a"));
    expect(refused(Host, nested(33))).toContain("nested deeper than 32");
    expect(refused(Host, `${"NOT ".repeat(33)}name=a`)).toContain("nested deeper than 32");
    expect(refused(Host, `${"-".repeat(33)}name=a`)).toContain("nested deeper than 32");
  });
});

describe("any text at all", () => {
  const piece = fc.oneof(
    fc.constantFrom("AND", "OR", "NOT", "has(", "(", ")", "=", "!=", "<=", '"', "'", " ", "null", "*", "."),
    fc.constantFrom("name", "site.region.name", "host_status", "memoryBytes", "desiredState", "HOST_STATE_ONBOARDED"),
    fc.string({ maxLength: 5, unit: "binary" }),
  );
  const filters = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));

  test("is a condition or a FilterError, within a second", () => {
    fc.assert(
      fc.property(fc.oneof(filters, fc.string({ maxLength: 1200 })), (filter) => {
        const started = performance.now();
        try {
          readFilter(Host, filter);
        } catch (error) {
          expect(error).toBeInstanceOf(FilterError);
          expect((error as Fault).code).toBe("InvalidArgument");
        }
        expect(performance.now() - started).toBeLessThan(1000);
      }),
      { numRuns: 2000 },
    );
  });
});
