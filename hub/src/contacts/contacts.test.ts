import { openSqliteStore, type Store } from "@holdfast/inventory";
import { CONTACT_EVERY } from "@holdfast/protocol";
import { type Log, silentLog } from "@holdfast/runtime";
import { describe, expect, onTestFinished, test } from "vitest";
import { until } from "../hub-harness.ts";
import { HUB_MIGRATIONS, type HubTables } from "../tables.ts";
import { type Contacts, openContacts } from "./contacts.ts";

const [OSLO, BERGEN] = ["site-00000001", "site-00000002"];
const START = Date.parse("2026-11-23T08:00:00Z");

/** A clock that stands still until it is pushed, and wakes who sleeps in that time. */
class PushedClock {
  #now = 0;
  readonly #sleepers = new Set<{ readonly due: number; readonly wake: () => void }>();

  now = () => START + this.#now;
  monotonic = () => this.#now;

  sleep = (milliseconds: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { due: this.#now + milliseconds, wake: resolve };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", () => this.#sleepers.delete(sleeper) && reject(signal.reason));
    });

  /** Once the chore sleeps: what it did before is done, and it wakes by this push if its time has come. */
  async push(milliseconds: number): Promise<void> {
    await until("the chore sleeps", () => this.#sleepers.size > 0);
    this.#now += milliseconds;
    for (const sleeper of [...this.#sleepers].filter(({ due }) => due <= this.#now)) {
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}

interface World {
  readonly store: Store;
  readonly clock: PushedClock;
  contacts: Contacts;
  /** Ends as a hub ends, and starts again. */
  restart(): Promise<void>;
  /** What is on disk of a site. */
  noted(site: string): Promise<HubTables["site_contact"] | undefined>;
}

async function open(log: Log = silentLog): Promise<World> {
  const clock = new PushedClock();
  const store = await openSqliteStore({ path: ":memory:", migrations: HUB_MIGRATIONS });
  const world: World = {
    store,
    clock,
    contacts: await openContacts({ store, clock, log }),
    async restart() {
      await world.contacts.close();
      world.contacts = await openContacts({ store, clock, log });
    },
    noted: (site) =>
      store.read((view) =>
        view.tables<HubTables>().selectFrom("site_contact").selectAll().where("site", "=", site).executeTakeFirst(),
      ),
  };
  onTestFinished(async () => {
    await world.contacts.close();
    await store.close();
  });
  return world;
}

describe("a site (rule 13)", () => {
  test("is heard by what it sends, and silent since then when nothing follows", async () => {
    const { contacts, clock } = await open();
    expect(contacts.contactOf(OSLO)).toBeUndefined();
    expect(contacts.silentSites()).toEqual([]);
    contacts.heard(OSLO, 2);
    await clock.push(20_000);
    expect(contacts.contactOf(OSLO)).toEqual({ heardAt: START });
    await clock.push(20_000);
    expect(contacts.contactOf(OSLO)).toEqual({ heardAt: START, silentSince: START });
    expect(contacts.silentSites()).toEqual([OSLO]);
    contacts.heard(OSLO);
    expect(contacts.contactOf(OSLO)).toEqual({ heardAt: START + 40_000 });
    expect(contacts.silentSites()).toEqual([]);
  });

  test("is heard while it holds a request open, over a connection that is watched", async () => {
    const { contacts, clock } = await open();
    const watched: unknown[] = [];
    const close = contacts.opened(OSLO, { setKeepAlive: (...how) => watched.push(how) });
    const closeOther = contacts.opened(OSLO);
    expect(watched).toEqual([[true, 15_000]]);
    await clock.push(60_000);
    expect(contacts.contactOf(OSLO)).toEqual({ heardAt: START + 60_000 });
    close();
    close();
    await clock.push(60_000);
    expect(contacts.contactOf(OSLO)).toEqual({ heardAt: START + 120_000 });
    closeOther();
    await clock.push(30_001);
    expect(contacts.contactOf(OSLO)).toEqual({ heardAt: START + 120_000, silentSince: START + 120_000 });
  });

  test("is silent although something holds its requests open, once three contacts are missing", async () => {
    const { contacts, clock } = await open();
    contacts.heard(OSLO, 2);
    contacts.opened(OSLO);
    await clock.push(3 * CONTACT_EVERY + 1);
    expect(contacts.silentSites()).toEqual([OSLO]);
    contacts.heard(OSLO);
    expect(contacts.contactOf(OSLO)).toEqual({ heardAt: clock.now() });
  });

  test("is silent after a start of the hub until it says something, since it was heard last", async () => {
    const world = await open();
    world.contacts.heard(OSLO, 2);
    world.contacts.opened(BERGEN);
    await world.clock.push(10_000);
    await world.restart();
    expect(world.contacts.contactOf(OSLO)).toEqual({ heardAt: START, silentSince: START });
    expect(world.contacts.contactOf(BERGEN)).toMatchObject({ silentSince: START + 10_000 });
    expect(world.contacts.linkOf(OSLO).protocol).toBe(2);
    world.contacts.heard(OSLO);
    expect(world.contacts.silentSites()).toEqual([BERGEN]);
    await world.restart();
    await world.restart();
    expect(world.contacts.contactOf(BERGEN)).toMatchObject({ silentSince: START + 10_000 });
  });

  test("of which only an earlier version's uplink tells is silent since its last batch", async () => {
    const world = await open();
    const row = { epoch: "e", incarnation: 1, cursor: 1, last_hash: "", last_reply: "{}", last_at: START - 5_000 };
    await world.store.write((tx) =>
      tx
        .tables<HubTables>()
        .insertInto("uplink_stream")
        .values({ site: OSLO, ...row } as HubTables["uplink_stream"])
        .execute(),
    );
    await world.restart();
    expect(world.contacts.contactOf(OSLO)).toEqual({ heardAt: START - 5_000, silentSince: START - 5_000 });
    world.contacts.heard(OSLO);
    await world.restart();
    // A hub that was killed had no time to note the last it heard.
    await world.store.write((tx) =>
      tx
        .tables<HubTables>()
        .updateTable("uplink_stream")
        .set({ last_at: START + 9_000 })
        .execute(),
    );
    await world.restart();
    expect(world.contacts.contactOf(OSLO)).toMatchObject({ silentSince: START + 9_000 });
  });

  test("that speaks a version which is not served is not heard by that, and the reason is kept (rule 23)", async () => {
    const world = await open();
    world.contacts.refused(OSLO, { protocol: 9, reason: "upgrade the hub first" });
    expect(world.contacts.contactOf(OSLO)).toBeUndefined();
    await world.restart();
    expect(world.contacts.contactOf(OSLO)).toBeUndefined();
    expect(world.contacts.linkOf(OSLO)).toEqual({
      protocol: 9,
      refusal: { reason: "upgrade the hub first", at: START },
    });
    world.contacts.heard(OSLO, 2);
    expect(world.contacts.linkOf(OSLO)).toEqual({ protocol: 2, refusal: undefined });
  });
});

test("what is known is noted once a minute, when a site falls silent, and at the end", async () => {
  const world = await open();
  const heardAt = async () => Number((await world.noted(OSLO))?.heard_at ?? 0) - START;
  const close = world.contacts.opened(OSLO);
  await world.clock.push(10_000);
  await until("it is noted at first", async () => (await heardAt()) === 10_000);
  await world.clock.push(30_000);
  await world.clock.push(29_999);
  await world.clock.push(1);
  expect(await heardAt()).toBe(10_000);
  await world.clock.push(10_000);
  await until("it is noted again", async () => (await heardAt()) === 80_000);
  await world.clock.push(5_000);
  close();
  await world.clock.push(31_000);
  await until("its silence is noted", async () => (await heardAt()) === 85_000);
  await world.clock.push(5_000);
  world.contacts.heard(OSLO);
  await world.restart();
  expect(await heardAt()).toBe(121_000);
});

test("who falls silent and who is heard again is told once each", async () => {
  const told: string[] = [];
  const log = { ...silentLog, info: (_: object, message: string) => told.push(message) } as unknown as Log;
  const { contacts, clock } = await open(log);
  contacts.heard(OSLO);
  for (let step = 0; step < 6; step++) await clock.push(10_000);
  await until("it is told", () => told.length === 1);
  contacts.heard(OSLO);
  await clock.push(10_000);
  await until("it is told again", () => told.length === 2);
  expect(told).toEqual(["a site is silent: its machines are unknown", "a site is heard again"]);
});
