import type { CommandName } from "@holdfast/protocol/feed";
import { Host } from "@holdfast/protocol/kinds/host";
import type { CommandEntry } from "@holdfast/protocol/uplink";
import { hours, silentLog, systemClock } from "@holdfast/runtime";
import { afterEach, expect, test } from "vitest";
import { readSetting, writeSetting } from "../database/settings.ts";
import { siteTables } from "../database/tables.ts";
import { recordOutcome } from "../intents/outcomes.ts";
import type { Ordered } from "../power/control.ts";
import { writePhase } from "../replica/phase.ts";
import { until } from "../testing/test-broker.ts";
import { gone, hostRow, OF, SITE, SITE_SCOPE, siteRow, TENANT, TENANT_SCOPE, TestSite } from "../testing/test-site.ts";
import { knownReplica } from "../uplink/session.ts";
import { noteBatchKnown } from "./local-acts.ts";
import { type CommandRunner, startCommands } from "./runner.ts";
import { createSiteCommands } from "./site-commands.ts";

const HOST = "host-00000001";
const BOB = { actor: "operator:bob", token: "token-1" };
const IN_AN_HOUR = () => Date.now() + hours(1);
const cleanUp: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of cleanUp.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

async function commanding() {
  const site = await TestSite.open();
  cleanUp.push(site);
  await site.feed(TENANT_SCOPE, 1, [siteRow()]);
  await site.feed(SITE_SCOPE, 2, [hostRow(HOST, 2)]);
  await site.write((transaction) => writePhase(transaction, { is: "settled" }));
  const incarnation = (await site.store.read((view) => readSetting(view, "incarnation"))) ?? 0;
  const world = {
    now: undefined as number | undefined,
    reachable: true,
    answer: { is: "done" } as Ordered,
    /** A look waits here. */
    gate: undefined as Promise<void> | undefined,
    /** What is under way does not end by itself. */
    hangs: false,
  };
  const done: { id: string; command: string; journalled: string | undefined }[] = [];
  const statusOf = async (id: string) =>
    site.store.read((view) =>
      siteTables(view).selectFrom("command_journal").select("status").where("id", "=", id).executeTakeFirst(),
    );
  let looks = 0;
  const replicaOf = async () => {
    looks += 1;
    await world.gate;
    return knownReplica(site.store, SITE);
  };
  /** The runner has begun to look so many times more; twice is once from beginning to end. */
  const looked = async (times = 2) => {
    const enough = looks + times;
    await until("the runner has looked", () => looks >= enough);
  };
  const options = () => ({
    ...{ store: site.store, outbox: site.outbox, replicaOf, clock: systemClock, log: silentLog },
    isReachable: () => world.reachable,
    flooredNow: () => world.now ?? Date.now(),
    control: {
      perform: async (_host: string, command: CommandName, { id }: { id: string }, signal: AbortSignal) => {
        done.push({ id, command, journalled: (await statusOf(id))?.status });
        if (world.hangs)
          await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        return world.answer;
      },
    },
  });
  const entries = async (): Promise<CommandEntry[]> => {
    const rows = await site.store.read((view) =>
      siteTables(view).selectFrom("outbox").select("body").orderBy("number").execute(),
    );
    return rows.flatMap(({ body }) => (body?.includes('"type":"command"') ? [JSON.parse(body)] : []));
  };
  const held: { runner?: CommandRunner } = {};
  const start = async () => {
    held.runner = await startCommands(options());
    return held.runner;
  };
  cleanUp.push({ [Symbol.asyncDispose]: async () => held.runner?.close() });
  const commands = createSiteCommands({ ...options(), site: SITE, runner: { wake: () => held.runner?.wake() } });
  /** A row of the hub's feed. */
  const order = async (id: string, seq: number, more: Record<string, unknown> = {}) => {
    const body = { tenant: TENANT, hostId: HOST, command: "reset", incarnation, issuedAt: 1, ...more };
    const whole = { notAfter: IN_AN_HOUR(), actor: "operator:alice", ...body };
    await site.feed(SITE_SCOPE, seq, [{ is: "row", kind: "command", id, seq, body: JSON.stringify(whole) }]);
    held.runner?.wake();
  };
  const ended = async (id: string) => {
    let status: string | undefined;
    await until(`${id} has ended`, () => {
      void statusOf(id).then((row) => (status = row?.status));
      return status !== undefined && status !== "started" && status !== "pending";
    });
    return status;
  };
  const issue = (command: CommandName = "reset", notAfter = IN_AN_HOUR()) =>
    commands.issue({ tenant: TENANT, hostId: HOST, command, notAfter, ...BOB, address: "192.0.2.7" });
  return { site, world, done, start, looked, order, ended, entries, commands, issue, held, statusOf, incarnation };
}

test("a command of the hub is started durably, carried out once, and the hub hears both", async () => {
  const it = await commanding();
  await it.order("command-1", 3);
  await it.start();
  expect(await it.ended("command-1")).toBe("done");
  it.held.runner?.wake();
  expect(it.done).toEqual([{ id: "command-1", command: "reset", journalled: "started" }]);
  const said = (await it.entries()).map(({ status, hostId, given }) => [status, hostId, given]);
  expect(said).toEqual([
    ["started", HOST, undefined],
    ["done", HOST, undefined],
  ]);
});

test("what was begun when the site-node stopped is unknown after, and never done again (rule 17)", async () => {
  const it = await commanding();
  it.world.hangs = true;
  await it.order("command-1", 3);
  const runner = await it.start();
  await until("it is begun", () => it.done.length === 1);
  await runner.close();
  it.world.hangs = false;
  await it.start();
  expect(await it.ended("command-1")).toBe("unknown");
  await it.order("command-2", 4);
  expect(await it.ended("command-2")).toBe("done");
  expect(it.done.map(({ id }) => id)).toEqual(["command-1", "command-2"]);
  expect((await it.entries()).map(({ id, status }) => `${id} ${status}`)).toContain("command-1 unknown");
});

test("a command whose time has passed by the floored clock is expired, and not done (rules 17, 22)", async () => {
  const it = await commanding();
  it.world.now = IN_AN_HOUR() + 1_000;
  await it.order("command-1", 3);
  await it.start();
  expect(await it.ended("command-1")).toBe("expired");
  expect(it.done).toEqual([]);
});

test("a command waits for its agent, and is done when that is there", async () => {
  const it = await commanding();
  it.world.reachable = false;
  await it.order("command-1", 3);
  await it.order("command-2", 4, { incarnation: it.incarnation - 1 });
  await it.start();
  expect(await it.ended("command-2")).toBe("refused");
  const list = () => it.site.store.read((view) => it.commands.list(view, { tenant: TENANT, hostId: HOST, limit: 9 }));
  expect((await list()).find(({ id }) => id === "command-1")).toMatchObject({
    status: "pending",
    reason: "its agent is not connected",
  });
  it.world.reachable = true;
  expect(await it.ended("command-1")).toBe("done");
});

test.each([
  ["a host of another site", { hostId: "host-00000009" }, /does not manage/],
  ["an earlier life of the site", { incarnation: 1 }, /earlier life/],
])("a command to %s is refused (rule 17)", async (_what, more, reason) => {
  const it = await commanding();
  await it.order("command-1", 3, more);
  await it.start();
  expect(await it.ended("command-1")).toBe("refused");
  expect((await it.entries())[0]).toMatchObject({ status: "refused", reason: expect.stringMatching(reason) });
  expect(it.done).toEqual([]);
});

const edit = (it: Awaited<ReturnType<typeof commanding>>, actor = "operator:bob") =>
  it.site.write((transaction) =>
    it.site.intents.edit(transaction, OF, Host, {
      id: HOST,
      field: "desiredPowerState",
      value: "POWER_STATE_OFF",
      actor,
    }),
  );
const intentId = (it: Awaited<ReturnType<typeof commanding>>) =>
  it.site.store.read((view) =>
    siteTables(view).selectFrom("local_intent").select("id").orderBy("number", "desc").executeTakeFirstOrThrow(),
  );

test("a command that crossed something done at the site is refused, before and after the hub knows of that (rule 17)", async () => {
  const it = await commanding();
  await edit(it);
  await it.order("command-1", 3);
  await it.start();
  expect(await it.ended("command-1")).toBe("refused");

  const { id } = await intentId(it);
  await it.site.write((transaction) =>
    recordOutcome(transaction, { seq: 1, intent: id, result: "applied", at: { scope: SITE_SCOPE, seq: 10 } }),
  );
  // The replica reaches the row that shows the intent, which is forgotten then; the fence stays.
  await it.order("command-2", 9);
  await it.site.feed(SITE_SCOPE, 12, []);
  expect(await it.ended("command-2")).toBe("refused");
  await it.order("command-3", 13);
  expect(await it.ended("command-3")).toBe("done");
  expect(it.done.map(({ id: ran }) => ran)).toEqual(["command-3"]);
});

test("a command that crossed another given at the site is refused (rule 17)", async () => {
  const it = await commanding();
  await it.start();
  const given = await it.issue();
  expect(await it.ended(given.id)).toBe("done");
  await it.order("command-1", 3);
  expect(await it.ended("command-1")).toBe("refused");
  const batch = JSON.stringify({ entries: await it.entries() });
  await it.site.write((transaction) => noteBatchKnown(transaction, batch, 20));
  // The hub had given this one when it took the other in, and none since.
  await it.order("command-2", 20);
  expect(await it.ended("command-2")).toBe("refused");
  await it.order("command-3", 21);
  expect(await it.ended("command-3")).toBe("done");
});

test("what a machine says of itself, and a new name, fence no command", async () => {
  const it = await commanding();
  await it.site.write(async (transaction) => {
    const { intents } = it.site;
    await intents.edit(transaction, OF, Host, { id: HOST, field: "name", value: "till", actor: "operator:bob" });
    await intents.edit(transaction, OF, Host, {
      id: HOST,
      field: "serialNumber",
      value: "SN1234",
      actor: `host:${HOST}`,
    });
  });
  await it.order("command-1", 3);
  await it.start();
  expect(await it.ended("command-1")).toBe("done");
});

test("while the site is held disruptive commands wait and others go on, until it is released (rule 21)", async () => {
  const it = await commanding();
  const hold = { tenant: TENANT, hold: "hold-1", reason: "site-disk-lost", since: 1 };
  await it.site.feed(SITE_SCOPE, 3, [{ is: "row", kind: "hold", id: SITE, seq: 3, body: JSON.stringify(hold) }]);
  await it.order("command-1", 4);
  await it.order("command-2", 5, { command: "rescan" });
  await it.start();
  expect(await it.ended("command-2")).toBe("done");
  const shown = await it.site.store.read((view) => it.commands.get(view, TENANT, "command-1"));
  expect(shown).toMatchObject({ status: "held", reason: expect.stringMatching(/releases/) });
  await it.site.feed(SITE_SCOPE, 6, [gone("hold", SITE)]);
  expect(await it.ended("command-1")).toBe("done");
});

test("a site that tells a restored hub what it knows runs no commands (rule 20)", async () => {
  const it = await commanding();
  await it.site.write((transaction) => writePhase(transaction, { is: "recovering", epoch: "epoch-2" }));
  await it.order("command-1", 3, { incarnation: 1 });
  await it.order("command-2", 4);
  const runner = await it.start();
  runner.wake();
  await it.issue("identify");
  await it.looked();
  expect(await it.statusOf("command-1")).toBeUndefined();
  expect(it.done).toEqual([]);
  await it.site.write((transaction) => writePhase(transaction, { is: "settled" }));
  expect(await it.ended("command-2")).toBe("done");
});

test("a hub that was restored and shows a command again hears again how it ended, and it is not done again", async () => {
  const it = await commanding();
  await it.order("command-1", 3);
  await it.start();
  await it.ended("command-1");
  const before = (await it.entries()).length;
  await it.site.write(async (transaction) => {
    const stream = await readSetting(transaction, "stream");
    if (stream) await writeSetting(transaction, "stream", { ...stream, epoch: "epoch-2" });
  });
  await it.order("command-2", 4, { command: "identify" });
  await it.ended("command-2");
  expect((await it.entries()).slice(before).map(({ id, status }) => `${id} ${status}`)).toContain("command-1 done");
  expect(it.done.map(({ id }) => id)).toEqual(["command-1", "command-2"]);
});

test("a command that was given at the site is said to the hub with who gave it", async () => {
  const it = await commanding();
  const { id, status } = await it.issue("power-cycle");
  expect([id, status]).toEqual([expect.stringMatching(/^command-[0-9a-f]{16}$/), "pending"]);
  await it.start();
  expect(await it.ended(id)).toBe("done");
  const given = { command: "power-cycle", ...BOB, from: { address: "192.0.2.7" } };
  expect((await it.entries()).map((entry) => [entry.status, entry.given])).toEqual([
    ["started", expect.objectContaining(given)],
    ["done", expect.objectContaining(given)],
  ]);
});

test.each([
  ["a host that is not there", { hostId: "host-00000009" }, "NotFound"],
  ["another project's host", { tenant: "22222222-2222-4222-8222-222222222222" }, "NotFound"],
  ["a time that has passed", { notAfter: 1 }, "InvalidArgument"],
])("a command to %s cannot be given", async (_what, more, code) => {
  const it = await commanding();
  const asked = {
    tenant: TENANT,
    hostId: HOST,
    command: "reset" as const,
    notAfter: IN_AN_HOUR(),
    actor: "operator:bob",
  };
  await expect(it.commands.issue({ ...asked, ...more })).rejects.toMatchObject({ code });
});

test("a host that is being deleted takes no commands (rule 15)", async () => {
  const it = await commanding();
  await it.site.feed(SITE_SCOPE, 3, [hostRow(HOST, 3, { desiredState: "HOST_STATE_DELETED" })]);
  await expect(it.issue()).rejects.toMatchObject({ code: "FailedPrecondition" });
});

test.each([
  ["reset", "unknown"],
  ["identify", "failed"],
] as const)("without an answer a %s is %s", async (command, status) => {
  const it = await commanding();
  it.world.answer = { is: "unknown", reason: "its agent gave no answer" };
  await it.order("command-1", 3, { command });
  await it.start();
  expect(await it.ended("command-1")).toBe(status);
});

test("one machine carries out one command at a time, in the order in which they were given", async () => {
  const it = await commanding();
  it.world.hangs = true;
  await it.order("command-1", 3);
  await it.order("command-2", 4);
  const runner = await it.start();
  await until("the first is begun", () => it.done.length === 1);
  runner.wake();
  const list = await it.site.store.read((view) => it.commands.list(view, { tenant: TENANT, hostId: HOST, limit: 9 }));
  expect(list.map(({ id, status }) => `${id} ${status}`).toSorted()).toEqual([
    "command-1 started",
    "command-2 pending",
  ]);
});

test("a site-node that stops begins nothing more, also where it was about to look", async () => {
  const it = await commanding();
  it.world.hangs = true;
  await it.order("command-1", 3);
  await it.order("command-2", 4);
  const runner = await it.start();
  await until("the first is begun", () => it.done.length === 1);
  const gate = Promise.withResolvers<void>();
  it.world.gate = gate.promise;
  const looking = it.looked(1);
  runner.wake();
  await looking;
  const closing = runner.close();
  // The first breaks off, and its machine is free.
  await new Promise((resolve) => setImmediate(resolve));
  gate.resolve();
  await closing;
  expect(await it.statusOf("command-2")).toBeUndefined();
});

test("ids are forgotten a week after their time, but not while the feed shows them (rule 17)", async () => {
  const it = await commanding();
  await it.order("command-1", 3);
  await it.order("command-2", 4);
  const runner = await it.start();
  await it.ended("command-1");
  await it.ended("command-2");
  await runner.close();
  await it.site.feed(SITE_SCOPE, 5, [gone("command", "command-1")]);
  it.world.now = IN_AN_HOUR() + hours(7 * 24 - 1);
  await (await it.start()).close();
  expect(await it.statusOf("command-1")).toBeDefined();
  it.world.now = IN_AN_HOUR() + hours(7 * 24 + 1);
  await it.start();
  let left: unknown = "?";
  await until("it is forgotten", () => {
    void it.statusOf("command-1").then((row) => (left = row));
    return left === undefined;
  });
  expect(await it.statusOf("command-2")).toEqual({ status: "done" });
});
