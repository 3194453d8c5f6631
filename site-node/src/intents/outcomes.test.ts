import { Host } from "@holdfast/protocol/kinds/host";
import type { EntryOutcome } from "@holdfast/protocol/uplink";
import { systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { hostRow, OF, SITE_SCOPE, siteRow, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { Outcomes, recordOutcome, refusedIntents } from "./outcomes.ts";

const HOST = "host-00000001";

async function prepared(): Promise<TestSite> {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  return site;
}

const rename = (site: TestSite, name: string) =>
  site.write((tx) => site.intents.edit(tx, OF, Host, { id: HOST, field: "name", value: name, actor: "operator:a" }));

const told = (site: TestSite, intent: string, more: Partial<EntryOutcome> = {}) =>
  site.write((tx) => recordOutcome(tx, { seq: 1, intent, result: "quarantined", ...more }));

const refused = (site: TestSite) => site.store.read(refusedIntents);

test("what the hub turned down is kept for people to see, with the conflict that it became (rule 9)", async () => {
  await using site = await prepared();
  const intent = await rename(site, "a");
  await told(site, intent, { result: "conflict", reason: "somebody else", conflict: "conflict-1" });
  await site.reopen();
  expect(await refused(site)).toMatchObject([
    { id: intent, resource: HOST, field: "name", actor: "operator:a", conflict: "conflict-1", value: '"a"' },
  ]);
});

test("the newest thousand are kept, and nothing of the others stays behind", async () => {
  await using site = await prepared();
  await site.write(async (tx) => {
    for (let at = 0; at < 1_001; at += 1) {
      const edit = { id: HOST, field: "name", value: `n${at}`, actor: "operator:a" };
      await recordOutcome(tx, { seq: 1, result: "quarantined", intent: await site.intents.edit(tx, OF, Host, edit) });
    }
  });
  const kept = await refused(site);
  expect([kept.length, kept[0]?.value]).toEqual([1_000, '"n1000"']);
  const left = await site.store.read((view) => siteTables(view).selectFrom("local_intent").select("value").execute());
  expect(left).toHaveLength(1_000);
}, 60_000);

test("what one life of the hub turned down and another took is not refused any more (rule 20)", async () => {
  await using site = await prepared();
  const intent = await rename(site, "a");
  await told(site, intent, { result: "conflict", reason: "somebody else" });
  await told(site, intent, { result: "applied" });
  expect(await refused(site)).toEqual([]);
});

test("who waits for several is told when the hub has spoken of all, and of what it turned down first", async () => {
  await using site = await prepared();
  const outcomes = new Outcomes(site.store, systemClock);
  const [one, two] = [await rename(site, "a"), await rename(site, "b")];
  let judged: unknown = "not yet";
  const waiting = outcomes.wait([one, two], 60_000).then((judgement) => (judged = judgement));
  await told(site, one, { result: "applied" });
  outcomes.told();
  await site.store.read(async () => undefined);
  expect(judged).toBe("not yet");
  await told(site, two, { result: "quarantined", reason: "no" });
  outcomes.told();
  expect(await waiting).toMatchObject({ is: "refused", by: { id: two, reason: "no" } });
});

test("who waits is let go when the time is over, and when the site-node closes", async () => {
  await using site = await prepared();
  const outcomes = new Outcomes(site.store, systemClock);
  const intent = await rename(site, "a");
  expect(await outcomes.wait([intent], 1)).toBeUndefined();
  const waiting = outcomes.wait([intent], 60_000);
  outcomes.close();
  expect(await waiting).toBeUndefined();
  expect(await outcomes.wait([intent], 60_000)).toBeUndefined();
});

test("the hub's word on an intent that is not known here any more changes nothing", async () => {
  await using site = await prepared();
  await told(site, "intent-of-another-life", { result: "conflict", reason: "somebody else" });
  expect(await refused(site)).toEqual([]);
});

test("who has been answered leaves nothing behind that waits", async () => {
  await using site = await prepared();
  let sleeping = 0;
  const sleep = (_: number, signal?: AbortSignal) => {
    sleeping += 1;
    return new Promise<void>((resolve) => {
      signal?.addEventListener("abort", () => {
        sleeping -= 1;
        resolve();
      });
    });
  };
  const outcomes = new Outcomes(site.store, { ...systemClock, sleep });
  const intent = await rename(site, "a");
  const waiting = outcomes.wait([intent], 60_000);
  await told(site, intent, { result: "applied" });
  outcomes.told();
  expect(await waiting).toEqual({ is: "applied" });
  expect(sleeping).toBe(0);
});
