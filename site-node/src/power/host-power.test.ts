import { Host } from "@holdfast/protocol/kinds/host";
import { silentLog, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { siteTables } from "../database/tables.ts";
import { storeCredential } from "../hosts/credentials.ts";
import type { Liveness } from "../hosts/liveness.ts";
import { writePhase } from "../replica/phase.ts";
import { hostRow, OF, row, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import type { Ordered } from "./control.ts";
import { hostPower } from "./host-power.ts";

const HOST = "host-00000001";
const OFF = { desiredPowerState: "POWER_STATE_OFF", powerCommandPolicy: "POWER_COMMAND_POLICY_IMMEDIATE" };

async function managing(fields: Record<string, unknown> = OFF) {
  const site = await TestSite.open();
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2, fields)]);
  await site.write(async (transaction) => {
    await storeCredential(transaction, { host: HOST, hash: "h", machine: "m", at: 1 });
    await writePhase(transaction, { is: "settled" });
  });
  const told: { state: string; manner: string; journalled: string | null | undefined }[] = [];
  const machine: { liveness: Liveness; answer: Ordered; now: number } = {
    now: 0,
    liveness: { phase: "online", session: "s1", deadline: 0 },
    answer: { is: "done" },
  };
  const reconciler = hostPower({
    ...{ store: site.store, outbox: site.outbox, replicaOf: async () => OF, clock: systemClock, log: silentLog },
    flooredNow: () => machine.now,
    credentials: { hosts: () => [HOST] },
    presence: { stateOf: () => machine.liveness },
    control: {
      setPower: async (_host, state, { id, manner }) => {
        const row = await site.store.read((view) =>
          siteTables(view).selectFrom("host_power").selectAll().where("id", "=", id).executeTakeFirst(),
        );
        told.push({ state, manner, journalled: row?.outcome });
        return machine.answer;
      },
    },
  });
  const run = () => reconciler.reconcile(HOST, new AbortController().signal);
  const power = async () => {
    const shown = (await site.get(Host, HOST))?.fields;
    return [shown?.currentPowerState, shown?.powerStatus, shown?.powerStatusIndicator];
  };
  return { site, told, machine, run, power, [Symbol.asyncDispose]: () => site[Symbol.asyncDispose]() };
}

test("a machine that is wanted off is told once, after that is durable, and is off when it has left", async () => {
  await using it = await managing();
  await it.run();
  await it.run();
  expect(it.told).toEqual([{ state: "POWER_STATE_OFF", manner: "at-once", journalled: null }]);
  expect(await it.power()).toEqual(["POWER_STATE_ON", "Switching off", "STATUS_INDICATION_IN_PROGRESS"]);
  it.machine.liveness = { phase: "offline", session: "s1" };
  await it.run();
  expect(await it.power()).toEqual(["POWER_STATE_OFF", "Powered off", "STATUS_INDICATION_IDLE"]);
  expect((await it.site.get(Host, HOST))?.observedSources?.power).toMatchObject({ source: "site" });
});

test("wanted on again, it says that somebody has to switch it on, and is on when it is heard", async () => {
  await using it = await managing();
  await it.run();
  it.machine.liveness = { phase: "offline", session: "s1" };
  await it.run();
  await it.site.feed(SITE_SCOPE, 3, [hostRow(HOST, 3, { desiredPowerState: "POWER_STATE_ON" })]);
  await it.run();
  const waits = "Waits to be switched on by somebody at the machine";
  expect(await it.power()).toEqual(["POWER_STATE_OFF", waits, "STATUS_INDICATION_IN_PROGRESS"]);
  it.machine.liveness = { phase: "online", session: "s2", deadline: 0 };
  await it.run();
  expect(await it.power()).toEqual(["POWER_STATE_ON", "Powered on", "STATUS_INDICATION_IDLE"]);
  expect(it.told).toHaveLength(1);
});

test("an agent that may not switch its machine is not asked again at once, and the host says why", async () => {
  await using it = await managing();
  it.machine.answer = { is: "refused", reason: "it may when it is started with --allow-power" };
  await it.run();
  await it.run();
  expect(it.told).toHaveLength(1);
  expect((await it.power()).slice(1)).toEqual([
    "Cannot be switched off: it may when it is started with --allow-power",
    "STATUS_INDICATION_ERROR",
  ]);
});

const conflict = (field: string | null) => {
  const openedAt = 1;
  const body = { tenant: TENANT, kind: "host", resourceId: HOST, field, openedAt, values: [] };
  return { is: "row" as const, kind: "conflict", id: "conflict-1", seq: 3, body: JSON.stringify(body) };
};
const hold = { tenant: TENANT, hold: "hold-1", reason: "hub-restored", since: Date.UTC(2026, 0, 1) };

test.each<[string, (it: Awaited<ReturnType<typeof managing>>) => Promise<unknown>, RegExp]>([
  [
    "a conflict about its power is open (rule 3)",
    (it) => it.site.feed(SITE_SCOPE, 3, [conflict("desiredPowerState")]),
    /several values are wanted/,
  ],
  [
    "a conflict about the whole host is open (rule 3)",
    (it) => it.site.feed(SITE_SCOPE, 3, [conflict(null)]),
    /several/,
  ],
  [
    "the site is held (rule 21)",
    (it) => it.site.feed(SITE_SCOPE, 3, [{ is: "row", kind: "hold", id: SITE, seq: 3, body: JSON.stringify(hold) }]),
    /held until an operator releases it \(hub-restored/,
  ],
  [
    "the site is telling a restored hub what it knows (rule 20)",
    (it) => it.site.write((transaction) => writePhase(transaction, { is: "recovering", epoch: "epoch-1" })),
    /has yet to hear from its hub/,
  ],
])("while %s nothing is switched off, and the host says so", async (_what, when, text) => {
  await using it = await managing();
  await when(it);
  await it.run();
  expect(it.told).toEqual([]);
  expect(await it.power()).toEqual(["POWER_STATE_ON", expect.stringMatching(text), "STATUS_INDICATION_IN_PROGRESS"]);
});

test("a conflict about another field of the host is no reason to wait", async () => {
  await using it = await managing();
  await it.site.feed(SITE_SCOPE, 3, [conflict("name")]);
  await it.run();
  expect(it.told).toHaveLength(1);
});

test.each([
  ["is not trusted", hostRow(HOST, 3, { ...OFF, desiredState: "HOST_STATE_UNTRUSTED" })],
  ["is being deleted (rule 15)", hostRow(HOST, 3, { ...OFF, desiredState: "HOST_STATE_DELETED" })],
  ["is another site's", hostRow(HOST, 3, OFF, { owner: "site-0000000b" })],
])("a host that %s is not switched off", async (_what, change) => {
  await using it = await managing();
  await it.site.feed(TENANT_SCOPE, 3, [row("site", "site-0000000b", 3, { name: "bergen" })]);
  await it.site.feed(SITE_SCOPE, 3, [change]);
  await it.run();
  expect(it.told).toEqual([]);
});

const LIMIT = 1_000_000;

/** The hub wants the machine off by a write that is to be begun with before LIMIT. */
function wantedOff(it: Awaited<ReturnType<typeof managing>>, seq: number, write: string, applyBefore?: number) {
  const limit = applyBefore === undefined ? {} : { applyBefore };
  const desiredPowerState = { id: write, epoch: OF.epoch, generation: seq, ...limit };
  return it.site.feed(SITE_SCOPE, seq, [hostRow(HOST, seq, OFF, { stamps: { desiredPowerState } })]);
}

test("what reaches the site after its time is not begun with, and is when it is wanted again (rule 17)", async () => {
  await using it = await managing({});
  await wantedOff(it, 3, "late", LIMIT);
  it.machine.now = LIMIT;
  await it.run();
  expect(it.told).toEqual([]);
  expect(await it.power()).toEqual([
    "POWER_STATE_ON",
    expect.stringMatching(/^Not switched off: it was wanted too long ago/),
    "STATUS_INDICATION_ERROR",
  ]);
  await wantedOff(it, 4, "again");
  await it.run();
  expect(it.told).toHaveLength(1);
});

test("what was begun with in time is kept up after its time, and no other write with it (rule 17)", async () => {
  await using it = await managing({});
  await wantedOff(it, 3, "in-time", LIMIT);
  it.machine.now = LIMIT - 1;
  await it.run();
  it.machine.now = LIMIT * 2;
  it.machine.liveness = { phase: "online", session: "s2", deadline: 0 };
  await it.run();
  expect(it.told).toHaveLength(2);
  await wantedOff(it, 4, "late", LIMIT);
  it.machine.liveness = { phase: "online", session: "s3", deadline: 0 };
  await it.run();
  expect(it.told).toHaveLength(2);
});
