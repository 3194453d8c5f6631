import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { gone, hostRow, SITE_SCOPE, siteRow, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { forgetActsOnGone, isCrossed, noteActBegun, noteBatchKnown } from "./local-acts.ts";

const [HERE, GONE] = ["host-00000001", "host-00000002"];

const batchOf = (...acts: { id: string; hostId: string }[]) =>
  JSON.stringify({ entries: acts.map((act) => ({ type: "command", ...act })) });

test("an act crosses what the hub ordered before it knew of it, and nothing after (rule 17)", async () => {
  await using site = await TestSite.open();
  await site.write((tx) => noteActBegun(tx, HERE, "command-a"));
  const crossed = (seq: number) => site.store.read((view) => isCrossed(view, HERE, seq));
  expect(await crossed(1e9)).toBe(true);
  await site.write((tx) => noteBatchKnown(tx, batchOf({ id: "command-a", hostId: HERE }), 7));
  expect([await crossed(7), await crossed(8)]).toEqual([true, false]);
});

test("acts are forgotten with their hosts, once the hub knows of them", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HERE, 2), hostRow(GONE, 2)]);
  await site.write(async (tx) => {
    for (const [host, act] of [
      [HERE, "command-a"],
      [GONE, "command-b"],
      [GONE, "command-c"],
    ] as const) {
      await noteActBegun(tx, host, act);
    }
    await noteBatchKnown(tx, batchOf({ id: "command-a", hostId: HERE }, { id: "command-b", hostId: GONE }), 3);
  });
  await site.feed(SITE_SCOPE, 4, [gone("host", GONE)]);
  await site.write(forgetActsOnGone);
  const left = await site.store.read((view) => siteTables(view).selectFrom("local_act").select("act").execute());
  expect(left.map(({ act }) => act).sort()).toEqual(["command-a", "command-c"]);
});
