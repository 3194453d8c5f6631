import type { ConflictBody, HoldBody } from "@holdfast/protocol/feed";
import { Host } from "@holdfast/protocol/kinds/host";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import type { FeedChange } from "../replica/apply.ts";
import { holdOf } from "../replica/in-place.ts";
import { READER, SiteApi } from "../testing/site-api.ts";
import { SITE, TENANT } from "../testing/test-site.ts";

const ID = `conflict-${"0".repeat(15)}1`;

function conflictRow(resourceId: string, more: Partial<ConflictBody> = {}): FeedChange {
  const value = (write: string, text: string, by: string, standing: boolean) => {
    return { write, value: text, by, actor: `operator:${by}`, at: 1, standing };
  };
  const body: ConflictBody = {
    ...{ tenant: TENANT, kind: "host", resourceId, field: "name", openedAt: 5 },
    values: [value("w-hub", "hubs", "hub", true), value("w-site", "sites", SITE, false)],
    ...more,
  };
  return { is: "row", kind: "conflict", id: ID, seq: 1e12, body: JSON.stringify(body) };
}

async function entries(it: SiteApi) {
  const rows = await it.site.store.read((view) =>
    siteTables(view).selectFrom("outbox").select("body").where("lane", "in", [0, 1]).orderBy("number").execute(),
  );
  return rows.map(({ body }) => JSON.parse(body ?? "null"));
}

test("a conflict is shown at the site with all its values, and counted where its host is shown (rule 3)", async () => {
  await using it = await SiteApi.open();
  await it.siteFeed(conflictRow(it.own));
  const listed = await it.ask("GET", `conflicts?resourceId=${it.own}`);
  expect(listed.body).toMatchObject({ totalElements: 1, conflicts: [{ id: ID, field: "name" }] });
  expect((await it.ask("GET", `conflicts/${ID}`)).body.values).toMatchObject([
    { write: "w-hub", value: "hubs", by: "hub", standing: true },
    { write: "w-site", value: "sites", by: SITE, standing: false },
  ]);
  expect((await it.ask("GET", `compute/hosts/${it.own}`)).body.openConflicts).toBe(1);
  expect((await it.ask("GET", `compute/hosts/${it.free}`)).body.openConflicts ?? 0).toBe(0);
  expect((await it.ask("GET", `conflicts?resourceId=${it.free}`)).body.totalElements).toBe(0);
});

test.each([
  ["w-hub", "hubs"],
  ["w-site", "sites"],
])(
  "choosing %s at the site is an edit that names the conflict and what it was chosen from, and closes it there",
  async (choose, value) => {
    await using it = await SiteApi.open();
    await it.siteFeed(conflictRow(it.own));
    await it.hub.update(Host, it.own, { name: "own" });
    const body = { choose, saw: ["w-hub", "w-site"] };
    const answer = await it.ask("POST", `conflicts/${ID}/resolve`, { body });
    expect(answer).toMatchObject({ status: 200, headers: { "holdfast-durability": "site" } });
    expect(await entries(it)).toMatchObject([
      {
        type: "edit",
        field: "name",
        value,
        resolves: { conflict: ID, saw: ["w-hub", "w-site"] },
        token: expect.any(String),
      },
    ]);
    expect((await it.ask("GET", `compute/hosts/${it.own}`)).body.name).toBe(value);
    expect(await it.ask("GET", `conflicts/${ID}`)).toMatchObject({ status: 404 });
    expect(await it.ask("POST", `conflicts/${ID}/resolve`, { body })).toMatchObject({ status: 404 });
    await it.restart();
    expect((await it.ask("GET", "conflicts")).body.totalElements).toBe(0);
  },
);

test("choosing the value that stands is a write too, or the hub would not know that somebody chose", async () => {
  await using it = await SiteApi.open();
  await it.siteFeed(
    conflictRow(it.own, { values: [{ write: "w", value: "own", by: "hub", actor: "a", at: 1, standing: true }] }),
  );
  expect(await it.ask("POST", `conflicts/${ID}/resolve`, { body: { choose: "w" } })).toMatchObject({ status: 200 });
  expect(await entries(it)).toMatchObject([{ type: "edit", field: "name", value: "own" }]);
});

test.each<[string, object, Partial<ConflictBody>, number, RegExp]>([
  ["a value that it has not", { choose: "w-other" }, {}, 400, /choose/],
  ["nothing", {}, {}, 400, /choose/],
  ["from less than there is", { choose: "w-hub", saw: ["w-hub"] }, {}, 409, /saw: .*w-site/],
  ["whether a host exists", { choose: "w-hub" }, { field: null }, 403, /at the hub/],
  ["what is not its own", { choose: "w-hub" }, { kind: "region" }, 403, /at the hub/],
  ["of a host that is gone", { choose: "w-hub" }, { resourceId: "host-0badcafe" }, 404, /host_resource/],
])("choosing %s is refused, and the conflict stays open", async (_what, body, more, status, message) => {
  await using it = await SiteApi.open();
  await it.siteFeed(conflictRow(it.own, more));
  const answer = await it.ask("POST", `conflicts/${ID}/resolve`, { body });
  expect(answer).toMatchObject({ status, body: { message: expect.stringMatching(message) } });
  expect(await entries(it)).toEqual([]);
  expect((await it.ask("GET", "conflicts")).body.totalElements).toBe(1);
});

const HOLD: HoldBody = { tenant: TENANT, hold: "hold-1", reason: "hub-restored", since: 7 };
const holdRow = (body: HoldBody): FeedChange => {
  return { is: "row", kind: "hold", id: SITE, seq: 1e12, body: JSON.stringify(body) };
};

test("an operator at the site lets what is held go on, at once, and the hub hears who it was (rule 21)", async () => {
  await using it = await SiteApi.open();
  await it.siteFeed(holdRow(HOLD));
  const standing = () => it.site.store.read((view) => holdOf(view, SITE));
  expect((await it.ask("GET", "holds")).body.holds).toMatchObject([
    { siteId: SITE, id: "hold-1", reason: "hub-restored" },
  ]);
  expect(await standing()).toEqual(HOLD);
  expect(await it.ask("DELETE", `sites/${SITE}/hold`, { as: READER })).toMatchObject({ status: 403 });
  expect(await it.ask("DELETE", "sites/site-0000000b/hold")).toMatchObject({ status: 404 });
  const released = await it.ask("DELETE", `sites/${SITE}/hold`);
  expect(released).toMatchObject({ status: 200, headers: { "holdfast-durability": "site" } });
  expect(await entries(it)).toMatchObject([
    {
      ...{ type: "hold-released", hold: "hold-1", actor: "operator:alice", token: expect.any(String) },
      from: { address: "127.0.0.1", request: expect.any(String) },
    },
  ]);
  await it.restart();
  expect(await standing()).toBeUndefined();
  expect(await it.ask("DELETE", `sites/${SITE}/hold`)).toMatchObject({ status: 404 });
  await it.siteFeed(holdRow({ ...HOLD, hold: "hold-2" }));
  expect(await standing()).toMatchObject({ hold: "hold-2" });
  expect(await it.ask("DELETE", `sites/${SITE}/hold`)).toMatchObject({ status: 200 });
  expect(
    await it.site.store.read((view) => siteTables(view).selectFrom("hold_released").select("hold").execute()),
  ).toEqual([{ hold: "hold-2" }]);
});
