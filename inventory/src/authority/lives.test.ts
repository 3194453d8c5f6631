import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { siteScope, tenantScope } from "@holdfast/protocol";
import { systemClock } from "@holdfast/runtime";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "../store/sqlite/open.ts";
import { createAuthority } from "./authority.ts";
import { Harness, TENANT } from "./harness.ts";
import { SEGMENT } from "./ids.ts";

const SHARED = tenantScope(TENANT);
const head = (hub: Harness) => hub.store.read(async (view) => (await view.feed(SHARED, 0, 1)).head);
const lend = (hub: Harness) => hub.store.write((tx) => hub.authority.lendIds(tx, 1));

test("another life has an epoch of its own, in which writes are stamped from then on (rule 20)", async () => {
  await using hub = await Harness.open();
  const first = hub.authority.epoch();
  const host = await hub.host();
  const heard: string[] = [];
  hub.authority.onEpoch((epoch) => heard.push(epoch));
  const epoch = await hub.authority.beginEpoch();
  expect(epoch).not.toBe(first);
  expect([hub.authority.epoch(), hub.authority.lineage(), heard]).toEqual([epoch, [first, epoch], [epoch]]);
  const after = await hub.set(host, { name: "later" });
  expect(after.stamps.name).toMatchObject({ epoch, generation: 2 });
});

test("who no longer listens hears of no other life", async () => {
  await using hub = await Harness.open();
  const heard: string[] = [];
  hub.authority.onEpoch((epoch) => heard.push(epoch))();
  await hub.authority.beginEpoch();
  expect(heard).toEqual([]);
});

test("its feed goes on beyond the time, and beyond where the hub is known to have been (rules 7, 20)", async () => {
  await using hub = await Harness.open();
  hub.now = () => 1_790_000_000_000;
  await hub.site("Oslo");
  await hub.authority.beginEpoch({ beyond: 5 });
  await hub.site("Bergen");
  expect(await head(hub)).toBe(1_790_000_000_001);
  await hub.authority.beginEpoch({ beyond: 1_800_000_000_000 });
  await hub.site("Trondheim");
  expect(await head(hub)).toBe(1_800_000_000_001);
  hub.now = () => 7;
  await hub.authority.beginEpoch();
  await hub.site("Hamar");
  expect(await head(hub)).toBeGreaterThan(1_800_000_000_001);
});

test("its ids are lent from a segment that no other life of this database lent from (rule 16)", async () => {
  await using hub = await Harness.open();
  const segments = [];
  for (let life = 0; life < 5; life += 1) {
    segments.push(Math.floor((await lend(hub)).first / SEGMENT));
    await hub.authority.beginEpoch();
  }
  expect(new Set(segments).size).toBe(5);
});

test("what else must be true of it is written with it, or it does not begin", async () => {
  await using hub = await Harness.open();
  const oslo = await hub.site("Oslo");
  const before = hub.authority.epoch();
  const failing = hub.authority.beginEpoch({
    also: async () => {
      throw new Error("no room");
    },
  });
  await expect(failing).rejects.toThrow("no room");
  expect([hub.authority.epoch(), hub.authority.lineage()]).toEqual([before, [before]]);
  const scope = siteScope(oslo.resourceId);
  const epoch = await hub.authority.beginEpoch({
    also: async (tx, made) => void (await tx.appendFeed(scope, "hold", oslo.resourceId, { made })),
  });
  expect(await hub.body(scope, oslo)).toEqual({ made: epoch });
});

test("its lives are known again after a restart; an earlier version's one life is the first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-lives-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const open = () => openSqliteStore({ path: join(folder, "hub.sqlite") });
  const old = await open();
  await old.write((tx) => tx.setSetting("epoch", "the first"));
  const authority = await createAuthority({ store: old, clock: systemClock });
  const epoch = await authority.beginEpoch();
  await old.close();
  const store = await open();
  onTestFinished(() => store.close());
  expect((await createAuthority({ store, clock: systemClock })).lineage()).toEqual(["the first", epoch]);
});

test("lives that are learned while another begins are not forgotten with that", async () => {
  await using hub = await Harness.open();
  const [first] = hub.authority.lineage();
  const [, epoch] = await Promise.all([hub.authority.learnLives(["lost"]), hub.authority.beginEpoch()]);
  expect(hub.authority.lineage()).toEqual(["lost", first, epoch]);
  const undone = hub.authority.beginEpoch({ also: () => Promise.reject(new Error("no")) });
  await expect(undone).rejects.toThrow("no");
  expect(hub.authority.lineage()).toEqual(["lost", first, epoch]);
});
