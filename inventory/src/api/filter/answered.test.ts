import { KINDS, OperatingSystem } from "@holdfast/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ApiUnderTest, openApi } from "../api-under-test.ts";
import { membersOf } from "../members.ts";

const asked = async (api: ApiUnderTest, path: string, query: Record<string, string>) =>
  (await api.ask("GET", `${path}?${new URLSearchParams(query)}`)).status;

/** What a list may be asked, most of it well formed: conditions over every member of every kind. */
function questions(path: string, names: readonly string[]) {
  const name = fc.oneof(
    fc.constantFrom(...names),
    fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)).map((both) => both.join(".")),
  );
  const value = fc.constantFrom(
    '""',
    "'x'",
    "null",
    "true",
    "5",
    "-5",
    '"*"',
    "HOST_STATE_ONBOARDED",
    '"2026-11-23"',
    "(",
  );
  const comparator = fc.constantFrom("=", "!=", "<", "<=", ">", ">=", " = ", ":");
  const condition = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(name, comparator, value).map((parts) => parts.join("")) },
    { weight: 1, arbitrary: name.map((each) => `has(${each})`) },
  );
  const filter = fc
    .array(fc.tuple(fc.constantFrom(" AND ", " OR ", " AND NOT ", " OR (", ") AND ", " AND -"), condition), {
      maxLength: 4,
    })
    .chain((more) => condition.map((first) => first + more.flat().join("")));
  const order = fc.array(
    fc.tuple(name, fc.constantFrom("", " asc", " desc", " DESC", ",")).map((each) => each.join("")),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  const match = fc
    .tuple(name, fc.constantFrom("", "x", "5", "true", "HOST_STATE_ONBOARDED"))
    .map((both) => both.join(":"));
  return fc.record(
    { path: fc.constant(path), filter, orderBy: order.map((each) => each.join(",")), match },
    { requiredKeys: ["path"] },
  );
}

describe("whatever a list is asked", () => {
  test("it is answered or refused, for every kind and every member", async () => {
    await using api = await openApi();
    const lists = KINDS.flatMap((kind) => {
      const path = kind.rest?.collections.find((each) => !each.includes("{"));
      return path && kind.rest?.operations.includes("list") ? [questions(path, [...membersOf(kind).keys()])] : [];
    });
    expect(lists.length).toBeGreaterThan(5);
    await fc.assert(
      fc.asyncProperty(fc.oneof(...lists), async ({ path, ...query }) => {
        expect([path, query, await asked(api, path, query as Record<string, string>)].at(-1)).toBeOneOf([200, 400]);
      }),
      { numRuns: 400 },
    );
  });

  test("as much of it as is taken", async () => {
    await using api = await openApi();
    await api.inventory.create(OperatingSystem, {
      actor: "hub",
      tenant: api.acme.id,
      fields: { name: "os", sha256: "a".repeat(64), existingCves: "a".repeat(100_000) },
    });
    const long = (text: string) => text.repeat(Math.floor(1000 / text.length));
    for (const filter of [
      long("("),
      long("NOT "),
      long("-"),
      long("has("),
      `${long("name=a OR ").slice(0, -100)}name=a`,
      `existingCves="${long("a*").slice(0, 900)}b"`,
      `NOT (${long("name=b AND ").slice(0, -20)}name=b)`,
    ]) {
      expect([filter.slice(0, 20), await asked(api, "compute/os", { filter })].at(-1)).toBeOneOf([200, 400]);
    }
    const orderBy = `${long("name,").slice(0, -6)},name desc`.slice(0, 1000);
    await api.inventory.create(OperatingSystem, {
      actor: "hub",
      tenant: api.acme.id,
      fields: { name: "another", sha256: "b".repeat(64), profileName: "p", imageId: "i" },
    });
    const query = { orderBy, pageSize: "1" };
    const { nextPageToken: pageToken, ...page } = await api.done("GET", `compute/os?${new URLSearchParams(query)}`);
    expect(page).toMatchObject({ hasNext: true, OperatingSystemResources: [{ name: "another" }] });
    const next = await api.done("GET", `compute/os?${new URLSearchParams({ ...query, pageToken: String(pageToken) })}`);
    expect(next).toMatchObject({ hasNext: false, OperatingSystemResources: [{ name: "os" }] });
  });
});
