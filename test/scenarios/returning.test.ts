import { expect, test } from "vitest";
import { differences } from "../returning/account.ts";
import { type Absence, type Backlog, backlogOf } from "../returning/backlog.ts";
import { type ManySites, manySites, type RegisteredSite } from "../returning/many-sites.ts";
import { ReturningSite, type ReturningSiteOptions } from "../returning/site.ts";

/** More than a batch of a live site has: it needs a slot. */
const MUCH = 10_000;
const observed = (host: number) => ({ hostname: `edge-${host}`, hostStatus: "Running" });

type Size = Pick<Absence, "renamed" | "events" | "detail" | "poison">;

function backlogFor({ id, hosts }: RegisteredSite, size: Size): Backlog {
  return backlogOf({ site: id, number: 1, hosts, observed, ...size });
}

async function differing({ hub, tenant }: ManySites, sent: readonly (readonly [RegisteredSite, Backlog])[]) {
  return hub.store.read(async (view) => {
    const found: string[] = [];
    for (const [{ id: site, hosts }, { told }] of sent) {
      found.push(...(await differences(view, { site, tenant, hosts, told: [told] })));
    }
    return found;
  });
}

/** Every so many answers to a batch are lost on the way: the hub has taken what the site must send again. */
function losing(every: number): typeof fetch {
  let answered = 0;
  return async (input, init) => {
    const response = await fetch(input, init);
    if (!String(input).endsWith("/uplink") || response.status !== 200) return response;
    answered += 1;
    if (answered % every !== 0) return response;
    await response.text();
    throw new Error("the answer was lost");
  };
}

test("1,000 sites come back at once with the backlogs of 30 days, 1 % of it poison: all else arrives once, and no site waits for another's poison", async () => {
  await using many = await manySites({ sites: 1_000, hostsEach: 1 });
  const lossy = losing(20);
  const backlogs = new Map<RegisteredSite, Backlog>();
  const drained = await Promise.all(
    many.sites.map(async (registered, place) => {
      const { id, token } = registered;
      const site = new ReturningSite({ hubUrl: many.hub.url, id, token, fetch: lossy });
      await site.open();
      // Of nine entries each, every eleventh site has one that cannot be applied; every fourth has much to say.
      const detail = place % 4 === 0 ? MUCH : 10;
      const backlog = backlogFor(registered, { renamed: 1, events: 7, detail, poison: place % 11 === 0 ? 1 : 0 });
      backlogs.set(registered, backlog);
      return site.drain(backlog.entries);
    }),
  );
  expect(await differing(many, [...backlogs])).toEqual([]);
  // There was no room for all at once, and answers were lost: each came until it was heard.
  expect(drained.filter(({ sentAway }) => sentAway > 0).length).toBeGreaterThan(50);
  expect(drained.filter(({ unanswered }) => unanswered > 0).length).toBeGreaterThan(40);
}, 180_000);

test("one site's huge backlog drains beside the others': theirs are acknowledged meanwhile, none waits for more than some of its batches", async () => {
  await using many = await manySites({ sites: 25, hostsEach: 2, uplinkSlots: 1 });
  let ofHuge = 0;
  const onTaken = () => {
    ofHuge += 1;
  };
  const open = async ({ id, token }: RegisteredSite, more: Partial<ReturningSiteOptions> = {}) => {
    const site = new ReturningSite({ hubUrl: many.hub.url, id, token, ...more });
    await site.open();
    return site;
  };
  const [first, ...rest] = many.sites;
  if (!first) throw new Error("there is no site");
  const huge = await open(first, { onTaken });
  const others = await Promise.all(rest.map(async (registered) => ({ registered, site: await open(registered) })));
  const backlogs = new Map([[first, backlogFor(first, { renamed: 2, events: 1_900, detail: MUCH, poison: 19 })]]);
  let isWhole = false;
  const whole = huge.drain(backlogs.get(first)?.entries ?? []).finally(() => {
    isWhole = true;
  });
  const waited = await Promise.all(
    others.map(async ({ registered, site }, place) => {
      // Half of them are live and say little, half have been away too.
      const isLive = place % 2 === 0;
      const size = { renamed: 2, events: 8, detail: isLive ? 10 : MUCH, poison: 1 };
      const backlog = backlogFor(registered, size);
      backlogs.set(registered, backlog);
      const before = ofHuge;
      await site.drain(backlog.entries);
      return { batches: ofHuge - before, isLive, isWhole };
    }),
  );
  const { batches } = await whole;
  expect(batches).toBeGreaterThan(15);
  expect(waited.filter((each) => each.isWhole)).toEqual([]);
  expect(Math.max(...waited.filter(({ isLive }) => isLive).map((each) => each.batches))).toBeLessThanOrEqual(2);
  expect(await differing(many, [...backlogs])).toEqual([]);
}, 180_000);
