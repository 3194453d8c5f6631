import { Host } from "@holdfast/protocol/kinds/host";
import { systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { recordOutcome } from "../intents/outcomes.ts";
import { gone, hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { siteStatus } from "./status.ts";

const HOST = "host-00000001";
const CONFLICT = "conflict-0000000000000001";

function conflictRow(seq: number) {
  const body = { tenant: TENANT, kind: "host", resourceId: HOST, field: "name", openedAt: 5, values: [] };
  return { is: "row" as const, kind: "conflict", id: CONFLICT, seq, body: JSON.stringify(body) };
}

type Claim = { readonly fingerprint: string; readonly since: number } | undefined;

async function prepared(claim: () => Claim = () => undefined) {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  const status = () =>
    siteStatus({
      ...{ site: SITE, store: site.store, outbox: site.outbox, fingerprint: "0000-0000-0000-0000-0000" },
      ...{ connected: () => [], disk: () => undefined, notKept: () => ({}) },
      ...{
        claim,
        hubHeardAt: () => 1_000,
        flooredNow: () => 6_000,
        clock: { ...systemClock, now: () => Date.now() + 60_000 },
      },
    });
  const rename = (name: string) =>
    site.write((tx) => site.intents.edit(tx, OF, Host, { id: HOST, field: "name", value: name, actor: "operator:a" }));
  return { site, status, rename, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

test("the status says lane by lane what would be lost with this disk, and since when the hub is silent (rules 9, 21)", async () => {
  await using it = await prepared();
  await it.rename("a");
  await it.rename("b");
  const { unsent, hub, intents } = await it.status();
  expect(unsent.lanes).toMatchObject({ intent: { entries: 2 }, event: { entries: 1 } });
  expect(Math.floor((unsent.lanes.intent?.oldestAgeMs ?? 0) / 60_000)).toBe(1);
  expect(unsent.entries).toBe(Object.values(unsent.lanes).reduce((sum, { entries }) => sum + entries, 0));
  expect(hub).toMatchObject({ heardAt: 1_000, heardAgeMs: 5_000, refusal: null });
  expect(intents).toMatchObject({ waiting: 2, refused: 0 });
});

test("what became a conflict is shown until it is resolved, what the hub did not take for ever (rules 3, 9)", async () => {
  await using it = await prepared();
  const [one, two] = [await it.rename("a"), await it.rename("b")];
  const at = { scope: SITE_SCOPE, seq: 5 };
  await it.site.write(async (tx) => {
    await recordOutcome(tx, { seq: 1, intent: one, result: "conflict", reason: "hm", at, conflict: CONFLICT });
    await recordOutcome(tx, { seq: 2, intent: two, result: "quarantined", reason: "no" });
  });
  await it.site.feed(SITE_SCOPE, 5, [conflictRow(5)]);
  const open = await it.status();
  expect(open.conflicts).toMatchObject({ open: 1, first: [{ id: CONFLICT, resourceId: HOST, field: "name" }] });
  expect(open.intents).toMatchObject({
    ...{ waiting: 0, refused: 2 },
    first: [
      { outcome: "quarantined", reason: "no" },
      { outcome: "conflict", conflict: CONFLICT, actor: "operator:a" },
    ],
  });
  await it.site.feed(SITE_SCOPE, 6, [gone("conflict", CONFLICT)]);
  expect((await it.status()).intents).toMatchObject({ refused: 1, first: [{ outcome: "quarantined" }] });
});

test("while a hub that has lost its disk waits for an operator to accept this site, the status says what to compare (rule 20)", async () => {
  const waiting: { claim: Claim } = { claim: { fingerprint: "0000-0000-0000-0000-0000", since: 7 } };
  await using it = await prepared(() => waiting.claim);
  expect((await it.status()).hub.claim).toEqual(waiting.claim);
  waiting.claim = undefined;
  expect((await it.status()).hub.claim).toBeNull();
});

test("observations that the hub could not take are counted, and the newest listed with their reasons (rule 9)", async () => {
  await using it = await prepared();
  await it.site.write(async (tx) => {
    for (let each = 0; each < 30; each += 1) {
      const row = { kind: "host", id: `host-${String(each).padStart(8, "0")}`, reason: `no ${each}` };
      await siteTables(tx)
        .insertInto("refused_state")
        .values({ ...row, since: each, asked_at: 1 })
        .execute();
    }
  });
  const { rows, first } = (await it.status()).refusedState;
  expect([rows, first.length]).toEqual([30, 20]);
  expect(first[0]).toMatchObject({ kind: "host", id: "host-00000029", reason: "no 29", ageMs: expect.any(Number) });
});
