import { describe, expect, test } from "vitest";
import { openApi } from "../api-under-test.ts";
import type { Conflict } from "../conflicts.ts";
import { ConflictsUnderTest } from "../providers-under-test.ts";

const AT = Date.parse("2026-11-23T08:00:00Z");
const ID = "conflict-00000000000000aa";

async function withConflicts(...open: Partial<Conflict>[]) {
  const conflicts = new ConflictsUnderTest();
  const api = await openApi({ conflicts });
  for (const [index, each] of open.entries()) {
    conflicts.open.push({
      id: `conflict-${(0xaa + index).toString(16).padStart(16, "0")}`,
      tenant: api.acme.id,
      kind: "host",
      resourceId: "host-0000000a",
      field: "name",
      openedAt: AT,
      values: [
        { write: "w1", value: "north", by: "hub", actor: "operator:alice", at: AT, standing: true },
        { write: "w2", value: null, by: "site-00000001", actor: "operator:bob", at: AT, standing: false, reason: "x" },
      ],
      ...each,
    });
  }
  return { ...api, conflicts };
}

describe("conflicts", () => {
  test("are shown with all their values, by whom and when, as the API shows the field", async () => {
    await using api = await withConflicts({});
    expect(await api.done("GET", `conflicts/${ID}`)).toEqual({
      id: ID,
      kind: "host",
      resourceId: "host-0000000a",
      field: "name",
      openedAt: "2026-11-23T08:00:00.000Z",
      values: [
        {
          write: "w1",
          value: "north",
          by: "hub",
          actor: "operator:alice",
          at: "2026-11-23T08:00:00.000Z",
          standing: true,
        },
        {
          write: "w2",
          value: "",
          by: "site-00000001",
          actor: "operator:bob",
          at: "2026-11-23T08:00:00.000Z",
          standing: false,
          reason: "x",
        },
      ],
    });
  });

  test("about a whole resource show the fields that are known, and no secret ones", async () => {
    const value = { name: "a", metadata: [{ key: "k", value: "v" }], providerId: "provider-00000001" };
    const values = [{ write: "w", value, by: "hub", actor: "operator:a", at: AT, standing: true }];
    await using api = await withConflicts({ field: null, values }, { kind: "later", field: "colour", values });
    const [first, second] = (await api.done("GET", "conflicts")).conflicts as { values: { value: unknown }[] }[];
    expect(first?.values[0]?.value).toEqual({ name: "a", metadata: [{ key: "k", value: "v" }] });
    expect(second?.values[0]?.value).toEqual(value);
  });

  test("are listed by page, and those about one resource alone", async () => {
    await using api = await withConflicts({}, { resourceId: "host-0000000b" }, {});
    const page = await api.done("GET", "conflicts?pageSize=2");
    expect([(page.conflicts as unknown[]).length, page.totalElements, page.hasNext]).toEqual([2, 3, true]);
    const rest = await api.done("GET", "conflicts?pageSize=2&offset=2");
    expect([(rest.conflicts as unknown[]).length, rest.hasNext]).toEqual([1, false]);
    const of = await api.done("GET", "conflicts?resourceId=host-0000000b");
    expect((of.conflicts as Conflict[]).map((each) => each.resourceId)).toEqual(["host-0000000b"]);
    expect((await api.ask("GET", "conflicts?pageSize=0")).body.message).toContain("pageSize");
  });

  test("of another project are not there", async () => {
    await using api = await withConflicts({});
    expect((await api.ask("GET", `/v1/projects/other/conflicts/${ID}`)).status).toBe(404);
    expect((await api.done("GET", "/v1/projects/other/conflicts")).totalElements).toBe(0);
    expect((await api.ask("GET", `conflicts/${ID}`, { as: "writer-of-other" })).status).toBe(404);
  });

  test("are resolved by choosing a value, with whose word it is", async () => {
    await using api = await withConflicts({});
    const body = { choose: "w2", saw: ["w1", "w2"] };
    const answer = await api.ask("POST", `conflicts/${ID}/resolve`, { body, headers: { prefer: "wait=5" } });
    expect([answer.status, answer.body]).toEqual([200, {}]);
    expect(answer.headers).toMatchObject({ "holdfast-durability": "site", "holdfast-conflict": ID });
    expect(api.conflicts.resolved).toMatchObject([
      { tenant: api.acme.id, id: ID, ...body, actor: "operator:w", token: "token-w", waitFor: 5_000 },
    ]);
    expect((await api.ask("POST", `conflicts/${ID}/resolve`, { body, as: "reader" })).status).toBe(403);
  });

  test.each([
    [`${ID}`, {}, "choose"],
    [`${ID}`, undefined, "choose"],
    [`${ID}`, { choose: 1 }, "choose"],
    [`${ID}`, { choose: "w", saw: "w" }, "saw"],
    [`${ID}`, { choose: "w", saw: [1] }, "saw[0]"],
    [`${ID}`, { choose: "w", colour: "red" }, "colour"],
    ["conflict-1", { choose: "w" }, "conflictId"],
  ])("a choice that says nothing sensible is refused, naming what is wrong (%#)", async (id, body, named) => {
    await using api = await withConflicts({});
    const { status, body: said } = await api.ask("POST", `conflicts/${id}/resolve`, { body });
    expect([status, said.code]).toEqual([400, "InvalidArgument"]);
    expect(said.message).toContain(named);
  });
});
