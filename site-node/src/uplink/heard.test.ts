import { createLog, minutes, nextTurn, silentLog } from "@holdfast/runtime";
import { expect, test, vi } from "vitest";
import { readSetting } from "../database/settings.ts";
import { SITE_SCOPE, TestSite } from "../testing/test-site.ts";
import { until } from "../testing/until.ts";
import { HubHeard } from "./heard.ts";

test("when the hub was heard is known after a restart, as of a minute ago, and costs no more writes than that", async () => {
  await using site = await TestSite.open();
  let now = 1_000_000;
  const clock = { flooredNow: () => now };
  const heard = await HubHeard.load(site.store, { clock, log: silentLog });
  expect(heard.at()).toBeUndefined();
  heard.note();
  await until(async () => (await site.store.read((view) => readSetting(view, "hubHeardAt"))) === 1_000_000);
  now += minutes(1) - 1;
  heard.note();
  expect(heard.at()).toBe(now);
  // Writes come one after another: whatever was begun by now is there when this one is done.
  await nextTurn();
  await site.write(async () => undefined);
  expect((await HubHeard.load(site.store, { clock, log: silentLog })).at()).toBe(1_000_000);
  now += 1;
  heard.note();
  await until(async () => (await site.store.read((view) => readSetting(view, "hubHeardAt"))) === now);
  now += 1;
  heard.note();
  await heard.close();
  expect((await HubHeard.load(site.store, { clock, log: silentLog })).at()).toBe(now);
});

test("a home of a version that did not note it has heard its hub when the feed was last applied (rules 6, 23)", async () => {
  await using site = await TestSite.open();
  const heard = () => HubHeard.load(site.store, { clock: { flooredNow: () => 9_000 }, log: silentLog });
  expect((await heard()).at()).toBeUndefined();
  await site.feed(SITE_SCOPE, 1, []);
  expect((await heard()).at()).toBe(1_000);
});

test("a hub that does not let the site in has not been heard; since when and why is known, also after a restart", async () => {
  await using site = await TestSite.open();
  let now = 1_000_000;
  const clock = { flooredNow: () => now };
  const heard = await HubHeard.load(site.store, { clock, log: silentLog });
  heard.answered(401, "the token is revoked");
  now += 5_000;
  heard.answered(401, "the token is revoked");
  heard.answered(503, "busy");
  await heard.close();
  const again = await HubHeard.load(site.store, { clock, log: silentLog });
  expect(again.refusal()).toEqual({ since: 1_000_000, status: 401, reason: "the token is revoked" });
  expect(again.at()).toBeUndefined();
  again.answered(200, "");
  expect(again.refusal()).toBeUndefined();
  expect(again.at()).toBe(now);
  await again.close();
});

test("that the hub does not let the site in is said once for each reason, and since when goes on (rule 6)", async () => {
  await using site = await TestSite.open();
  const said: string[] = [];
  const log = createLog("test", "info", { write: (line: string) => said.push(JSON.parse(line).reason) });
  let now = 1_000_000;
  const heard = await HubHeard.load(site.store, { clock: { flooredNow: () => now }, log });
  for (const reason of ["who?", "who?", "revoked", "revoked"]) {
    heard.answered(401, reason);
    now += 1;
  }
  heard.answered(403, "revoked");
  expect(said).toEqual(["who?", "revoked", "revoked"]);
  expect(heard.refusal()).toEqual({ since: 1_000_000, status: 403, reason: "revoked" });
  await heard.close();
});

test("that it could not be noted when the hub was heard is said, and ends nothing", async () => {
  await using site = await TestSite.open();
  const said: string[] = [];
  const log = createLog("test", "info", { write: (line: string) => said.push(JSON.parse(line).msg) });
  const heard = await HubHeard.load(site.store, { clock: { flooredNow: () => 1_000_000 }, log });
  vi.spyOn(site.store, "write").mockRejectedValueOnce(new Error("the disk is full"));
  heard.note();
  await heard.close();
  expect([said, heard.at()]).toEqual([["when the hub was heard could not be noted"], 1_000_000]);
});
