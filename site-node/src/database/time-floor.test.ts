import { minutes, silentLog } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { TestSite } from "../testing/test-site.ts";
import { TimeFloor } from "./time-floor.ts";

const YEAR_2000 = Date.UTC(2000, 0, 1);
const NOW = Date.UTC(2030, 5, 1);

function clockAt(now: number) {
  const clock = {
    wall: now,
    passed: 0,
    now: () => clock.wall,
    monotonic: () => clock.passed,
    sleep: () => new Promise<void>(() => undefined),
    pass: (milliseconds: number) => {
      clock.wall += milliseconds;
      clock.passed += milliseconds;
    },
  };
  return clock;
}

const load = (site: TestSite, clock: ReturnType<typeof clockAt>) =>
  TimeFloor.load({ store: site.store, clock, log: silentLog });

test("a clock that comes up in the year 2000 makes nothing younger than it was (rule 22)", async () => {
  await using site = await TestSite.open();
  const clock = clockAt(NOW);
  const before = await load(site, clock);
  clock.pass(minutes(1));
  await before.note();
  await site.reopen();
  const late = clockAt(YEAR_2000);
  const time = await load(site, late);
  expect(time.flooredNow()).toBe(NOW + minutes(1));
  late.pass(minutes(10));
  expect(time.flooredNow()).toBe(NOW + minutes(11));
  await time.note();
  await site.reopen();
  expect((await load(site, clockAt(YEAR_2000))).flooredNow()).toBe(NOW + minutes(11));
});

test("a clock that is set back while the site runs does not take the time back (rule 22)", async () => {
  await using site = await TestSite.open();
  const clock = clockAt(NOW);
  const time = await load(site, clock);
  clock.pass(minutes(1));
  await time.note();
  clock.wall = YEAR_2000;
  clock.passed += minutes(1);
  expect(time.flooredNow()).toBe(NOW + minutes(2));
});

test("one wild reading does not make everything expire for ever; a clock that stays ahead is believed (rule 22)", async () => {
  await using site = await TestSite.open();
  const clock = clockAt(NOW);
  const time = await load(site, clock);
  clock.pass(minutes(1));
  clock.wall = Date.UTC(2100, 0, 1);
  await time.note();
  clock.wall = NOW + minutes(1);
  expect(time.flooredNow()).toBe(NOW + minutes(1));
  await time.note();
  clock.wall = Date.UTC(2031, 0, 1);
  await time.note();
  clock.pass(minutes(1));
  await time.note();
  clock.wall = NOW;
  expect(time.flooredNow()).toBe(Date.UTC(2031, 0, 1) + minutes(1));
});
