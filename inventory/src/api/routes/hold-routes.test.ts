import { expect, test } from "vitest";
import { openApi } from "../api-under-test.ts";
import { HoldsUnderTest } from "../providers-under-test.ts";

const SINCE = Date.parse("2026-11-23T08:00:00Z");

test("the sites that are held are shown with the reason, and a hold is released by an operator's word (rule 21)", async () => {
  const holds = new HoldsUnderTest();
  await using api = await openApi({ holds });
  const hold = { tenant: api.acme.id, siteId: "site-0000000a", hold: "h1", reason: "hub-restored" as const };
  holds.standing = [{ ...hold, since: SINCE }];
  expect(await api.done("GET", "holds")).toEqual({
    holds: [{ siteId: "site-0000000a", id: "h1", reason: "hub-restored", since: "2026-11-23T08:00:00.000Z" }],
  });
  expect(await api.done("GET", "/v1/projects/other/holds")).toEqual({ holds: [] });
  const path = "sites/site-0000000a/hold";
  expect((await api.ask("DELETE", path, { as: "reader" })).status).toBe(403);
  expect((await api.ask("DELETE", "sites/host-0000000a/hold")).body.message).toContain("siteId");
  expect(await api.done("DELETE", path)).toEqual({});
  expect(holds.standing).toEqual([]);
  expect((await api.ask("DELETE", path)).status).toBe(404);
});
