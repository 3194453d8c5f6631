import { expect, test } from "vitest";
import { idFromNumber, isHostId, isId } from "./ids.ts";
import { KINDS, kindNamed, kindOfId } from "./kinds/kinds.ts";

test.each(["host-0a1b2c3d", "host-ffffffff"])("%s is a host's id", (id) => expect(isHostId(id)).toBe(true));

test.each(["", "host", "host-", "host-0a1b2c3", "host-0a1b2c3dd", "host-0A1B2C3D", "site-0a1b2c3d", "host-0a1b2c3d\n"])(
  "%j is not",
  (id) => expect(isHostId(id)).toBe(false),
);

test("a number becomes an id, and one that needs more than eight digits is refused", () => {
  expect(idFromNumber("host", 255)).toBe("host-000000ff");
  expect(isId("os", idFromNumber("os", 0xffff_ffff))).toBe(true);
  expect(() => idFromNumber("host", 2 ** 32)).toThrow(RangeError);
  expect(() => idFromNumber("host", 1.5)).toThrow(RangeError);
});

test("every kind is found by its name and by its ids", () => {
  for (const kind of KINDS) {
    expect(kindNamed(kind.name)).toBe(kind);
    expect(kindOfId(`${kind.prefix}-00000000`)?.prefix).toBe(kind.prefix);
  }
  expect(kindNamed("toaster")).toBeUndefined();
  expect(kindOfId("toaster-00000000")).toBeUndefined();
});

test("kinds share neither names nor schema names, those that share a prefix are where the same is known, and they refer only to kinds that exist", () => {
  for (const property of ["name", "schemaName"] as const) {
    expect(new Set(KINDS.map((kind) => kind[property])).size).toBe(KINDS.length);
  }
  for (const [, sharing] of Map.groupBy(KINDS, (kind) => kind.prefix)) {
    expect(new Set(sharing.map(({ feed, follows, deletion }) => `${feed} ${follows} ${deletion}`)).size).toBe(1);
  }
  const references = KINDS.flatMap((kind) => Object.values(kind.fields).flatMap((field) => field.reference ?? []));
  for (const { kind } of references) expect(KINDS.map(({ name }) => name)).toContain(kind);
});

test("a kind stands after those it refers to, so that tables and snapshots can follow the list", () => {
  for (const [at, kind] of KINDS.entries()) {
    for (const { reference } of Object.values(kind.fields)) {
      const target = KINDS.findIndex(({ name }) => name === reference?.kind);
      expect(target).toBeLessThanOrEqual(at);
    }
  }
});
