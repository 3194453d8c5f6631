import { siteFingerprint } from "@holdfast/protocol/recovery";
import { CONTACT_EVERY } from "@holdfast/protocol/session";
import type { UplinkBatch } from "@holdfast/protocol/uplink";
import { createLog, seconds } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { ASK_AGAIN_AFTER } from "../outbox/refused-state.ts";
import { movedClock } from "../testing/moved-clock.ts";
import { hostRow, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { until } from "../testing/until.ts";
import { startSync } from "./sync.ts";

const HOST = "host-00000001";
const SELF = { siteId: SITE, tenant: { id: TENANT, name: "default" }, epoch: "epoch-1", protocol: 1, capabilities: [] };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A hub that answers as told; where it is told nothing, and to who follows its feed, it never does. */
function hubThat(answers: { self?: () => Answer; claim?: () => Answer; uplink?: (batch: UplinkBatch) => Answer }) {
  const asked: string[] = [];
  const carry: typeof fetch = async (input, init) => {
    const path = new URL(String(input)).pathname.split("/").at(-1) ?? "";
    asked.push(path);
    const answer = new Map([
      ["self", answers.self],
      ["claims", answers.claim],
      ["uplink", answers.uplink && (() => answers.uplink?.(JSON.parse(String(init?.body))))],
    ]).get(path);
    const said = answer?.();
    if (said) return new Response(JSON.stringify(said.body), { status: said.status });
    return new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
  };
  return { asked, count: (path: string) => asked.filter((each) => each === path).length, fetch: carry };
}

const takes = ({ stream, first, entries }: UplinkBatch): Answer => {
  return { status: 200, body: { stream, cursor: first + entries.length - 1, outcomes: [] } };
};

function syncing(site: TestSite, fetch: typeof globalThis.fetch) {
  const clock = movedClock();
  const heardOf: number[] = [];
  const heard = { note: () => undefined, answered: (status: number) => void heardOf.push(status) };
  const hub = { hubUrl: "http://hub", token: "token-of-the-site", fetch };
  const { store, outbox } = site;
  let taken = 0;
  const onTaken = () => {
    taken += 1;
  };
  const said: string[] = [];
  const log = createLog("test", "error", { write: (line: string) => said.push(JSON.parse(line).msg) });
  const sync = startSync({ store, outbox, hub, heard, site: SITE, clock, log, onTaken });
  return { clock, heardOf, said, taken: () => taken, sync };
}

/** As a home is before any hub has said to whom it belongs. */
const forgotten = (site: TestSite) => site.write((transaction) => transaction.setSetting("site-node:tenant", "null"));

test("a site that its hub once knew says what it has to say though the hub does not say yet who it is (rule 12)", async () => {
  await using site = await TestSite.open();
  const hub = hubThat({ uplink: takes });
  const { clock, heardOf, taken, sync } = syncing(site, hub.fetch);
  await until(async () => (await site.store.read((view) => site.outbox.level(view))).entries === 0);
  await until(() => taken() === 1);
  await sync.close();
  expect([heardOf, clock.sleeping()]).toEqual([[200], 0]);
});

test("a site that no hub has ever known says nothing, and who waits for it to catch up is told when it ends", async () => {
  await using site = await TestSite.open();
  await forgotten(site);
  const hub = hubThat({ uplink: takes });
  const { sync } = syncing(site, hub.fetch);
  const waiting = sync.caughtUp();
  waiting.catch(() => undefined);
  await until(() => hub.count("self") === 1);
  await sync.close();
  await expect(waiting).rejects.toThrow("stopped");
  expect(hub.asked).toEqual(["self"]);
});

test("a site that ends before any hub has known it ends as ever", async () => {
  await using site = await TestSite.open();
  await forgotten(site);
  const hub = hubThat({});
  const { said, clock, sync } = syncing(site, hub.fetch);
  await until(() => hub.count("self") === 1);
  await sync.close();
  expect([said, clock.sleeping()]).toEqual([[], 0]);
});

test.each(["known before", "new"])(
  "a site that was %s opens its link once when the hub says who it is",
  async (was) => {
    await using site = await TestSite.open();
    if (was === "new") await forgotten(site);
    const answered = Promise.withResolvers<void>();
    const hub = hubThat({
      uplink: takes,
      self: () => {
        answered.resolve();
        return { status: 200, body: SELF };
      },
    });
    const { clock, sync } = syncing(site, hub.fetch);
    await answered.promise;
    await until(async () => (await site.store.read((view) => site.outbox.level(view))).entries === 0);
    await sync.close();
    expect(clock.sleeping()).toBe(0);
  },
);

test("what the hub could not take of what is observed it is asked to take again, after an hour (rule 9)", async () => {
  await using site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2, { hostStatus: "Running" })]);
  const hub = hubThat({ uplink: takes });
  const { clock, sync } = syncing(site, hub.fetch);
  const refused = { kind: "host", id: HOST, reason: "no", since: clock.now(), asked_at: clock.now() };
  await site.write((transaction) => siteTables(transaction).insertInto("refused_state").values(refused).execute());
  const askedAt = () =>
    site.store.read((view) => siteTables(view).selectFrom("refused_state").select("asked_at").execute());
  await until(() => clock.sleeping() > 0);
  clock.move(ASK_AGAIN_AFTER);
  await until(async () => (await askedAt())[0]?.asked_at !== refused.asked_at);
  await sync.close();
});

test("a hub that speaks another version than it did is asked anew who the site is, and not for the same one (rule 23)", async () => {
  await using site = await TestSite.open();
  let protocol: number | undefined = 1;
  const self = () => ({ status: 200, body: { ...SELF, protocol: protocol ?? 2 } });
  const uplink = (batch: UplinkBatch) => {
    const { status, body } = takes(batch);
    return { status, body: { ...(body as object), protocol } };
  };
  const hub = hubThat({ self, uplink });
  const { sync } = syncing(site, hub.fetch);
  const say = async (event: string) => {
    const before = hub.count("uplink");
    await site.write((transaction) => site.outbox.event(transaction, { kind: "site", subject: SITE, event }));
    await until(() => hub.count("uplink") > before);
  };
  await until(() => hub.count("self") === 1);
  await say("the same");
  protocol = 2;
  await say("another");
  await until(() => hub.count("self") === 2);
  await say("the same again");
  protocol = undefined;
  await say("of a hub that does not say which");
  await say("and that it is not asked for it");
  await sync.close();
  expect(hub.count("self")).toBe(2);
});

test("a site that an operator has accepted at a hub that lost its disk sends at once what waits (rule 20)", async () => {
  await using site = await TestSite.open();
  let isAccepted = false;
  const stranger = { status: 401, body: { code: "Unauthenticated", message: "who?", recovering: true } };
  const fingerprint = siteFingerprint("token-of-the-site");
  const hub = hubThat({
    self: () => (isAccepted ? { status: 200, body: SELF } : stranger),
    uplink: (batch) => (isAccepted ? takes(batch) : stranger),
    claim: () => ({
      status: isAccepted ? 200 : 202,
      body: { state: isAccepted ? "accepted" : "waiting", fingerprint },
    }),
  });
  const { clock, taken, sync } = syncing(site, hub.fetch);
  await until(() => hub.count("claims") === 1 && hub.count("uplink") === 1 && sync.claiming.waiting() !== undefined);
  isAccepted = true;
  // The claim comes again before the push would by itself.
  await until(() => {
    if (hub.count("claims") === 1) clock.move(seconds(1));
    return taken() > 0;
  });
  expect(clock.now() - 1_000_000).toBeLessThan(seconds(30));
  await sync.close();
});

test("a site whose hub has just taken something does not say besides that it is there", async () => {
  await using site = await TestSite.open();
  const hub = hubThat({ uplink: takes });
  const { clock, taken, sync } = syncing(site, hub.fetch);
  const say = async (event: string) => {
    const before = taken();
    await site.write((transaction) => site.outbox.event(transaction, { kind: "site", subject: SITE, event }));
    await until(() => taken() > before);
  };
  await until(() => taken() === 1);
  clock.move(CONTACT_EVERY - 1);
  await say("before it is due");
  clock.move(1);
  await say("when it would have been due");
  await sync.close();
  expect(hub.count("contact")).toBe(0);
});
