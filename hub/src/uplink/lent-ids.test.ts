import { type IdBlock, idFromNumber } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { TestHome } from "../disaster/harness.ts";
import { isLentTo, LENT_MOST, lendIdsTo } from "./lent-ids.ts";

const [ONE, OTHER] = ["site-0000000a", "site-0000000b"];

function lentOf(block: IdBlock | undefined): IdBlock {
  if (!block) throw new Error("nothing was lent");
  return block;
}

/** Lends two sites ids; answers who may use what afterwards. */
async function lending(home: TestHome) {
  const lend = (site: string, count: number) => {
    const stream = { epoch: home.authority.epoch(), incarnation: 1 };
    return home.store.write((tx) => lendIdsTo(tx, home.authority, { site, stream, count }));
  };
  const may = (site: string, number: number) =>
    home.store.write((tx) => isLentTo(tx, site, idFromNumber("host", number)));
  return { lend: async (site: string, count: number) => lentOf(await lend(site, count)), tryToLend: lend, may };
}

test("a lent id is valid only from the site that it was lent to (rule 16)", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const { lend, may } = await lending(home);
  const [one, other] = [await lend(ONE, 4), await lend(OTHER, 4)];
  expect([await may(ONE, one.first), await may(ONE, one.first + 3)]).toEqual([true, true]);
  expect([await may(OTHER, one.first), await may(ONE, other.first)]).toEqual([false, false]);
  expect([await may(OTHER, other.first + 4), await may(ONE, 1), await may(ONE, 0xffff_ffff)]).toEqual([
    false,
    false,
    false,
  ]);
});

test("a hub that has lost history takes ids that it may have lent and forgotten, and none that it knows better (rules 16, 20)", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const { lend, may } = await lending(home);
  const known = await lend(ONE, 4);
  await home.authority.beginEpoch({});
  const fresh = await lend(OTHER, 4);
  expect(await may(ONE, known.first + 4)).toBe(true);
  expect(await may(OTHER, known.first)).toBe(false);
  expect([await may(ONE, fresh.first), await may(ONE, fresh.first + 4)]).toEqual([false, false]);
  expect(await may(ONE, 5)).toBe(false);
});

test("a site that asks for ids without end uses up no other site's", async () => {
  const { home } = await TestHome.withProject();
  await using _home = home;
  const { lend, tryToLend, may } = await lending(home);
  const first = await lend(ONE, LENT_MOST - 1);
  expect(await tryToLend(ONE, 2)).toBeUndefined();
  expect(await tryToLend(ONE, 1)).toBeDefined();
  expect(await tryToLend(ONE, 1)).toBeUndefined();
  expect(await may(ONE, first.first)).toBe(true);
  expect(await tryToLend(OTHER, 64)).toBeDefined();
});
