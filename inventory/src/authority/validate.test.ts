import { Host, Instance, KINDS, OperatingSystem } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { checkOf } from "./checker.ts";
import { validateFields } from "./validate.ts";

describe("checking values", () => {
  test("every field of every kind has a check that compiles", () => {
    for (const field of KINDS.flatMap((kind) => Object.values(kind.fields))) {
      expect(() => checkOf(field)(undefined)).not.toThrow();
    }
  });

  test("patterns that unicode mode forbids are used all the same", () => {
    expect(checkOf(OperatingSystem.fields.imageUrl)("https://example.com/image one")).toBeUndefined();
    expect(checkOf(OperatingSystem.fields.imageUrl)("tab\t")).toContain("pattern");
  });

  test("patterns that need unicode mode have it", () => {
    expect(checkOf(OperatingSystem.fields.fixedCves)("Größe – 東京")).toBeUndefined();
    expect(checkOf(OperatingSystem.fields.fixedCves)("bell \u0007")).toContain("pattern");
  });

  test("a part of a machine may lack anything, and is still checked", () => {
    expect(checkOf(Host.fields.hostNics)([{}, { mtu: 1_500 }])).toBeUndefined();
    expect(checkOf(Host.fields.hostNics)([{ mtu: "big" }])).toContain("0/mtu");
    expect(checkOf(Host.fields.hostNics)(Array.from({ length: 1_001 }, () => ({})))).toBeDefined();
  });

  test("what is wrong is said without the value", () => {
    const wrong = () => validateFields(Host, { name: "\u0007s3cret" }, { who: "operator", on: "update" });
    expect(wrong).toThrow("name");
    expect(wrong).not.toThrow("s3cret");
  });

  test("each writes its own fields; the hub writes operators' as well", () => {
    const writes = (who: "operator" | "site" | "hub", fields: Record<string, unknown>) => () =>
      validateFields(Host, fields, { who, on: "update" });
    expect(writes("operator", { name: "x" })).not.toThrow();
    expect(writes("hub", { name: "x", providerId: "provider-00000001" })).not.toThrow();
    expect(writes("site", { hostStatus: "Running" })).not.toThrow();
    expect(writes("operator", { hostStatus: "Running" })).toThrow("hostStatus is not for the operator");
    expect(writes("hub", { hostStatus: "Running" })).toThrow("hostStatus is not for the hub");
    expect(writes("site", { name: "x" })).toThrow("name is not for the site");
  });

  test("what is required must be there at creation, and may be left out of a change", () => {
    const ids = { hostID: "host-00000001" };
    expect(() => validateFields(Instance, ids, { who: "operator", on: "create" })).toThrow("osID is required");
    expect(() => validateFields(Instance, ids, { who: "operator", on: "update" })).not.toThrow();
    expect(() => validateFields(Instance, { osID: null }, { who: "operator", on: "update" })).toThrow(
      "osID is required",
    );
  });
});
