import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { createLog, silentLog, systemClock } from "@holdfast/runtime";
import { askedOfDisk, askedOfDiskMeanwhile } from "@holdfast/runtime/testing/asked-of-disk";
import { expect, test, vi } from "vitest";
import { feedPosition } from "../feeds/feed-position.ts";
import { scratch, TestHome } from "./harness.ts";
import { highWaterIn, keepHighWater, provesLoss, readHighWater, writeHighWater } from "./high-water.ts";
import { noticeRollBack } from "./roll-back.ts";

const keep = ({ home, store }: TestHome) => keepHighWater({ home, store, clock: systemClock, log: silentLog });
const notice = ({ home, store, authority, history }: TestHome) =>
  noticeRollBack({ home, store, authority, history, log: silentLog });

test.each([
  ["the same position", { epoch: "b", seq: 7 }, false],
  ["an earlier position, for the mark lags", { epoch: "b", seq: 6 }, false],
  ["a later position", { epoch: "b", seq: 8 }, true],
  [
    "a later position of a life that is over, for the new one may not have been marked yet",
    { epoch: "a", seq: 9 },
    false,
  ],
  ["a life that the database has never had", { epoch: "c", seq: 1 }, true],
])("a mark of %s proves loss: %o %s", (_what, mark, loss) => {
  expect(provesLoss(mark, { lineage: ["a", "b"], position: 7 })).toBe(loss);
});

test("no mark proves nothing, and neither does one that cannot be read", () => {
  expect(provesLoss(undefined, { lineage: ["a"], position: 0 })).toBe(false);
  const home = scratch();
  expect(readHighWater(home)).toBeUndefined();
  for (const text of ["", "{", "null", '{"epoch": "", "seq": 1, "at": 1}', '{"epoch": "a", "seq": "1", "at": 1}']) {
    writeFileSync(highWaterIn(home), text);
    expect(readHighWater(home)).toBeUndefined();
  }
  writeHighWater(home, { epoch: "a", seq: 3, at: 5 });
  expect(readHighWater(home)).toEqual({ epoch: "a", seq: 3, at: 5 });
});

test("the mark is durable when it is written: its content, and that it has its name", () => {
  const home = scratch();
  const asked = askedOfDisk(home, () => writeHighWater(home, { epoch: "a", seq: 3, at: 5 }));
  expect(asked).toEqual(["sync high-water.tmp", "rename high-water.tmp to high-water", "sync ."]);
});

test("a hub that keeps its mark goes on answering while the disk takes it", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const asked = await askedOfDiskMeanwhile(home.home, async () => {
    const keeper = await keep(home);
    await keeper.close();
  });
  expect(asked).toEqual(["sync high-water.tmp aside", "rename high-water.tmp to high-water", "sync . aside"]);
});

test("the mark follows the database and is never ahead of it, and is whole when the hub closes", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const keeper = await keep(home);
  const epoch = home.authority.epoch();
  for (let count = 0; count < 20; count += 1) {
    await home.region(`region ${count}`);
    const mark = readHighWater(home.home);
    expect(mark?.seq).toBeLessThanOrEqual(await home.store.read(feedPosition));
  }
  const position = await home.store.read(feedPosition);
  await vi.waitFor(() => expect(readHighWater(home.home)).toMatchObject({ epoch, seq: position }), 5_000);
  await home.region("last");
  await keeper.close();
  expect(readHighWater(home.home)?.seq).toBe(await home.store.read(feedPosition));
});

test("a database that was put back begins another life by itself, and its sites are held (rules 20, 21)", async () => {
  const { home } = await TestHome.withProject();
  await home.site("oslo");
  await home.store.close();
  const snapshot = readFileSync(`${home.home}/hub.db`);

  const later = await TestHome.open(home.home);
  const keeper = await keep(later);
  const epoch = later.authority.epoch();
  await later.region("made after the snapshot");
  await keeper.close();
  await later.store.close();
  const known = readHighWater(home.home)?.seq ?? 0;
  writeFileSync(`${home.home}/hub.db`, snapshot);

  await using back = await TestHome.open(home.home);
  expect(await notice(back)).toBe(true);
  expect(back.authority.epoch()).not.toBe(epoch);
  expect(back.authority.lineage()).toContain(epoch);
  expect(await back.store.read(feedPosition)).toBeGreaterThan(known);
  expect(await back.held()).toEqual(["hub-rolled-back"]);
  // Once is enough, though the mark is still the old one.
  expect(await notice(back)).toBe(false);
});

test("a database that was put back to before a new life is noticed as well", async () => {
  const { home } = await TestHome.withProject();
  await home.store.close();
  const snapshot = readFileSync(`${home.home}/hub.db`);
  const later = await TestHome.open(home.home);
  await later.authority.beginEpoch({});
  await (await keep(later)).close();
  await later.store.close();
  writeFileSync(`${home.home}/hub.db`, snapshot);
  await using back = await TestHome.open(home.home);
  expect(await notice(back)).toBe(true);
});

test("a restart and a mark that lags are no roll-back", async () => {
  const { home } = await TestHome.withProject();
  await (await keep(home)).close();
  await home.region("not in the mark");
  await home.store.close();
  await using again = await TestHome.open(home.home);
  expect(await notice(again)).toBe(false);
  expect(await again.held()).toEqual([]);
});

test("a mark that cannot be written does not stop the hub", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const keeper = await keepHighWater({ home: "/proc/nowhere", store: home.store, clock: systemClock, log: silentLog });
  await home.region("north");
  await keeper.close();
});

test("a mark that could not be written is written as soon as it can be, also when nothing is committed meanwhile", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const lines: string[] = [];
  const log = createLog("test", "info", { write: (line) => void lines.push(line) });
  const keeper = await keepHighWater({ home: home.home, store: home.store, clock: systemClock, log });
  const before = readHighWater(home.home);
  const inTheWay = `${highWaterIn(home.home)}.tmp`;
  mkdirSync(inTheWay);
  await home.region("not marked");
  const position = await home.store.read(feedPosition);
  await vi.waitFor(() => expect(lines.join()).toContain("could not be written, it lags"), 10_000);
  expect(readHighWater(home.home)).toEqual(before);
  rmdirSync(inTheWay);
  await vi.waitFor(() => expect(readHighWater(home.home)?.seq).toBe(position), 10_000);
  await keeper.close();
});

test("a life that begins by a mark goes on beyond it, whatever the clock says", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const seq = 2 * systemClock.now();
  writeHighWater(home.home, { epoch: home.authority.epoch(), seq, at: 1 });
  await notice(home);
  expect(await home.store.read(feedPosition)).toBeGreaterThanOrEqual(seq);
});
