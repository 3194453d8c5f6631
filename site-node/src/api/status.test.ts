import { Host } from "@holdfast/protocol/kinds/host";
import { systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { recordOutcome } from "../intents/outcomes.ts";
import { gone, hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { siteStatus } from "./status.ts";

const HOST = "host-00000001";
const CONFLICT = "conflict-0000000000000001";

function conflictRow(seq: number) {
  const body = { tenant: TENANT, kind: "host", resourceId: HOST, field: "name", openedAt: 5, values: [] };
  return { is: "row" as const, kind: "conflict", id: CONFLICT, seq, body: JSON.stringify(body) };
}

async function prepared() {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  const status = () =>
    siteStatus({
      ...{ site: SITE, store: site.store, outbox: site.outbox, fingerprint: "0000-0000-0000-0000-0000" },
      ...{ connected: () => [], disk: () => undefined, notKept: () => ({}) },
      ...{
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
