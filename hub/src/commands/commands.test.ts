import { type CommandBody, siteScope } from "@holdfast/protocol";
import { hours, minutes, systemClock } from "@holdfast/runtime";
import { expect, test } from "vitest";
import { Sender, startTestHub, type TestHub, type TestSite, until } from "../hub-harness.ts";
import { createCommands, HISTORY_KEPT, REPORTED_WITHIN } from "./commands.ts";

const HOSTS = "/v1/projects/default/compute/hosts";

/** A hub, a site that has spoken, a host there, and a clock that a test sets forward. */
async function start() {
  let ahead = 0;
  const clock = { ...systemClock, now: () => systemClock.now() + ahead };
  const hub = await startTestHub({ clock });
  const site = await hub.site();
  const sender = new Sender(hub, site);
  await sender.send([]);
  const id: string = (await hub.ask("POST", HOSTS, { name: "one", siteId: site.id })).body.resourceId;
  const forward = (milliseconds: number) => {
    ahead += milliseconds;
  };
  const sweep = () => createCommands({ store: hub.hub.store, clock }).sweep();
  return { hub, site, sender, id, forward, sweep };
}

const give = (hub: TestHub, id: string, command = "reset") => hub.ask("POST", `${HOSTS}/${id}/commands`, { command });
const listed = async (hub: TestHub, id: string) => (await hub.ask("GET", `${HOSTS}/${id}/commands`)).body.commands;

async function inFeed(hub: TestHub, site: TestSite): Promise<Record<string, CommandBody>> {
  const { rows } = await hub.hub.store.read((view) => view.feed(siteScope(site.id), 0, 100));
  const standing = rows.filter(({ kind, body }) => kind === "command" && body !== null);
  return Object.fromEntries(standing.map(({ id, body }) => [id, JSON.parse(body ?? "")]));
}

const says = (id: string, hostId: string, status: string, more: object = {}) => {
  return { type: "command", id, hostId, status, at: 1_000, ...more };
};

test("a command is a row of its own in the site's feed, for this life of the site, until a time (rule 17)", async () => {
  const { hub: opened, site, sender, id } = await start();
  await using hub = opened;
  const { status, body, headers } = await give(hub, id);
  expect([status, headers.get("holdfast-durability")]).toEqual([200, "hub"]);
  const given = { hostId: id, command: "reset", actor: "operator:first" };
  expect(body).toMatchObject({ ...given, id: expect.stringMatching(/^command-[0-9a-f]{16}$/), status: "pending" });
  const { [body.id]: row } = await inFeed(hub, site);
  expect(row).toMatchObject({ ...given, tenant: site.tenant, incarnation: sender.incarnation });
  expect(row?.notAfter).toBe(Date.parse(body.notAfter));
});

test("a command for a site that has never spoken waits, and ends when the site begins its first life", async () => {
  const { hub: opened } = await start();
  await using hub = opened;
  const silent = await hub.site();
  const there = (await hub.ask("POST", HOSTS, { name: "there", siteId: silent.id })).body.resourceId;
  const reset = await hub.ask("PATCH", `${HOSTS}/${there}`, { desiredPowerState: "POWER_STATE_RESET" });
  expect(reset).toMatchObject({ status: 200, body: { desiredPowerState: "POWER_STATE_ON" } });
  const commands = async () => (await hub.ask("GET", `${HOSTS}/${there}/commands`)).body.commands;
  expect(await commands()).toMatchObject([{ command: "reset", status: "pending" }]);
  await new Sender(hub, silent).send([]);
  expect(await commands()).toMatchObject([{ command: "reset", status: "unknown" }]);
  const { resourceId } = (await hub.ask("POST", HOSTS, { name: "free" })).body;
  expect((await hub.ask("PATCH", `${HOSTS}/${resourceId}`, { desiredPowerState: "POWER_STATE_RESET" })).status).toBe(
    200,
  );
});

test("nobody commands a host that is not there, that no site manages, or that is being deleted", async () => {
  const { hub: opened, id } = await start();
  await using hub = opened;
  expect((await give(hub, "host-00000000")).status).toBe(404);
  const free = (await hub.ask("POST", HOSTS, { name: "free" })).body.resourceId;
  expect((await give(hub, free)).body).toMatchObject({ message: expect.stringContaining("no site manages") });
  await hub.ask("DELETE", `${HOSTS}/${id}`);
  expect((await give(hub, id)).body).toMatchObject({ message: expect.stringContaining("being deleted") });
});

test("what a site says of a command leads on and never back, and the command leaves the feed at its end", async () => {
  const { hub: opened, site, sender, id } = await start();
  await using hub = opened;
  const command = (await give(hub, id)).body.id;
  const statusAfter = async (status: string) => {
    await sender.send([says(command, id, status)]);
    return (await hub.ask("GET", `${HOSTS}/${id}/commands/${command}`)).body.status;
  };
  expect(await statusAfter("started")).toBe("started");
  expect(Object.keys(await inFeed(hub, site))).toEqual([command]);
  expect(await statusAfter("failed")).toBe("failed");
  expect(await inFeed(hub, site)).toEqual({});
  for (const late of ["started", "done", "unknown"]) expect(await statusAfter(late)).toBe("failed");
});

test("a command that nobody began in time is over; what its site says of it later still counts", async () => {
  const { hub: opened, site, sender, id, forward, sweep } = await start();
  await using hub = opened;
  const command = (await give(hub, id)).body.id;
  forward(minutes(10) - 5_000);
  expect(await sweep()).toBe(0);
  forward(6_000);
  await sweep();
  expect(await listed(hub, id)).toMatchObject([{ id: command, status: "expired" }]);
  expect(await inFeed(hub, site)).toEqual({});
  await sender.send([says(command, id, "started")]);
  expect(await listed(hub, id)).toMatchObject([{ status: "expired" }]);
  await sender.send([says(command, id, "done")]);
  expect(await listed(hub, id)).toMatchObject([{ status: "done" }]);
});

test("the running hub ends commands whose time is over by itself", async () => {
  const { hub: opened, id, forward } = await start();
  await using hub = opened;
  await give(hub, id);
  forward(minutes(11));
  await hub.restart();
  await until("the command has expired", async () => (await listed(hub, id))[0].status === "expired");
});

test("a new life of the site makes unknown what was asked of the earlier one (rule 17)", async () => {
  const { hub: opened, site, sender, id } = await start();
  await using hub = opened;
  const [begun, waiting] = [(await give(hub, id)).body.id, (await give(hub, id)).body.id];
  await sender.send([says(begun, id, "started")]);
  await new Sender(hub, site, 2).send([]);
  expect(await listed(hub, id)).toMatchObject([{ status: "unknown" }, { status: "unknown" }]);
  expect(await inFeed(hub, site)).toEqual({});
  expect((await give(hub, id)).status).toBe(200);
  expect(Object.values(await inFeed(hub, site))).toMatchObject([{ incarnation: 2 }]);
  expect(waiting).not.toBe(begun);
});

test("a host that has moved or is gone is commanded by nobody any more", async () => {
  const { hub: opened, site, sender, id } = await start();
  await using hub = opened;
  const next = await hub.site();
  await give(hub, id);
  await hub.ask("PATCH", `${HOSTS}/${id}`, { siteId: next.id });
  const stampOf = async (field: string, at: TestSite) => {
    const { rows } = await hub.hub.store.read((view) => view.feed(siteScope(at.id), 0, 100));
    return JSON.parse(rows.find((row) => row.id === id)?.body ?? "").stamps[field].id;
  };
  const release = { type: "release", kind: "host", id };
  await sender.send([{ ...release, reason: "moved", stamp: await stampOf("siteId", site) }]);
  expect(await listed(hub, id)).toMatchObject([{ status: "refused", reason: expect.stringContaining("another site") }]);
  expect([await inFeed(hub, site), await inFeed(hub, next)]).toEqual([{}, {}]);
  const heir = new Sender(hub, next);
  await heir.send([]);
  const command = (await give(hub, id)).body.id;
  await hub.ask("DELETE", `${HOSTS}/${id}`);
  await heir.send([{ ...release, reason: "deleted", stamp: await stampOf("desiredState", next) }]);
  const gone = await hub.hub.store.read((view) =>
    createCommands({ store: hub.hub.store, clock: systemClock }).get(view, site.tenant, command),
  );
  expect(gone).toMatchObject({ status: "refused", reason: expect.stringContaining("gone") });
});

test("only the site that was asked says what became of a command", async () => {
  const { hub: opened, id } = await start();
  await using hub = opened;
  const command = (await give(hub, id)).body.id;
  const stranger = new Sender(hub, await hub.site());
  expect((await stranger.send([says(command, id, "done")])).body.outcomes).toMatchObject([{ result: "quarantined" }]);
  expect(await listed(hub, id)).toMatchObject([{ status: "pending" }]);
});

test("a command given at the site is shown with its author, and with a doubt when the hub would not have let them (rule 6)", async () => {
  const { hub: opened, sender, id } = await start();
  await using hub = opened;
  const tokens = hub.hub.tokens;
  const { id: mayWrite } = await tokens.createOperator({ name: "bob", role: "write", tenants: "all" });
  const { id: mayRead } = await tokens.createOperator({ name: "eve", role: "read", tenants: "all" });
  const given = (token: string, issuedAt: number) => {
    return { given: { command: "reset", actor: "operator:bob", token, issuedAt, notAfter: issuedAt + 1_000 } };
  };
  const [good, bad] = ["command-00000000000000aa", "command-00000000000000bb"];
  await sender.send([says(good, id, "started", given(mayWrite, 2_000)), says(bad, id, "done", given(mayRead, 1_000))]);
  await sender.send([says(good, id, "done", given(mayWrite, 2_000))]);
  const bob = { actor: expect.stringMatching(/^site:site-[0-9a-f]+\/operator:bob$/), command: "reset", status: "done" };
  const [first, second] = await listed(hub, id);
  expect(first).toMatchObject({ id: good, ...bob, issuedAt: "1970-01-01T00:00:02.000Z" });
  expect(first.reason).toBeUndefined();
  expect(second).toMatchObject({ id: bad, ...bob, reason: expect.stringContaining("may read, not write") });
});

test("what a site says of a command that the hub does not know is kept as history", async () => {
  const { hub: opened, sender, id } = await start();
  await using hub = opened;
  const { body } = await sender.send([says("command-00000000000000cc", id, "done")]);
  expect(body.outcomes).toMatchObject([{ result: "applied", reason: expect.stringContaining("does not know") }]);
  expect(await listed(hub, id)).toEqual([]);
});

test("a disruptive command to a site that is held says that it waits (rule 21)", async () => {
  const { hub: opened, site, id } = await start();
  await using hub = opened;
  await new Sender(hub, site, 2).send([]);
  await give(hub, id, "identify");
  await give(hub, id, "reset");
  const shown = (await listed(hub, id)).map(({ command, status }: Record<string, string>) => `${command} ${status}`);
  expect(shown.sort()).toEqual(["identify pending", "reset held"]);
  const reset = (await listed(hub, id)).find(({ command }: Record<string, string>) => command === "reset");
  expect(reset?.reason).toMatch(/until an operator releases the site's hold/);
});

test("commands are forgotten 30 days after their end, and those without an end at some time are unknown", async () => {
  const { hub: opened, sender, id, forward, sweep } = await start();
  await using hub = opened;
  const [ended, begun] = [(await give(hub, id)).body.id, (await give(hub, id)).body.id];
  await sender.send([says(ended, id, "done"), says(begun, id, "started")]);
  forward(REPORTED_WITHIN + hours(1));
  await sweep();
  const byId = async () => Object.fromEntries((await listed(hub, id)).map((each: { id: string }) => [each.id, each]));
  expect(await byId()).toMatchObject({ [ended]: { status: "done" }, [begun]: { status: "unknown" } });
  forward(HISTORY_KEPT - REPORTED_WITHIN);
  await sweep();
  expect(Object.keys(await byId())).toEqual([begun]);
  forward(HISTORY_KEPT);
  await sweep();
  expect(await byId()).toEqual({});
});

test.each([
  ["POWER_STATE_RESET", "reset"],
  ["POWER_STATE_RESET_REPEAT", "reset"],
  ["POWER_STATE_POWER_CYCLE", "power-cycle"],
])("a desired power state %s is a command, and the desired state stays what it was", async (desired, command) => {
  const { hub: opened, id } = await start();
  await using hub = opened;
  const path = `${HOSTS}/${id}`;
  const before = (await hub.ask("GET", path)).body;
  const answer = await hub.ask("PATCH", path, { desiredPowerState: desired, name: "renamed" });
  expect([answer.status, answer.body.name]).toEqual([200, "renamed"]);
  expect(answer.body.desiredPowerState).toBe(before.desiredPowerState);
  expect(await listed(hub, id)).toMatchObject([{ command, status: "pending", actor: "operator:first" }]);
  const whole = await hub.ask("PUT", path, { name: "put", siteId: before.site.resourceId, desiredPowerState: desired });
  expect([whole.status, whole.body.desiredPowerState]).toEqual([200, before.desiredPowerState]);
  expect(await listed(hub, id)).toHaveLength(2);
});
