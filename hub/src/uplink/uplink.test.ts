import { gzipSync } from "node:zlib";
import { idFromNumber, PROTOCOL_HEADER, PROTOCOL_VERSION, siteScope, type UplinkReply } from "@holdfast/protocol";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";
import type { HubTables } from "../tables.ts";
import { keepEvent } from "./events.ts";
import { onceForIntent } from "./intents.ts";

const state = (id: string, fields: object = {}, more: object = {}) => {
  return { type: "state", kind: "host", id, observedAt: 1, observedGeneration: 1, fields, ...more };
};
const event = (id: string) => ({ type: "event", id, kind: "host", subject: "host-00000001", event: "started", at: 1 });

const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

async function host(hub: TestHub, site: TestSite, name: string): Promise<string> {
  const { body } = await hub.ask("POST", "/v1/projects/default/compute/hosts", { name, siteId: site.id });
  return body.resourceId;
}

async function shown(hub: TestHub, id: string) {
  return (await hub.ask("GET", `/v1/projects/default/compute/hosts/${id}`)).body;
}

function rows(hub: TestHub, table: keyof HubTables): Promise<Record<string, unknown>[]> {
  return hub.hub.store.read((view) => {
    const tables = view.tables<Record<string, Record<string, unknown>>>();
    return tables.selectFrom(table).selectAll().execute();
  });
}

function bodyInFeed(hub: TestHub, site: TestSite, id: string) {
  return hub.hub.store.read(async (view) => {
    const { rows } = await view.feed(siteScope(site.id), 0, 100);
    return JSON.parse(rows.find((row) => row.id === id)?.body ?? "{}");
  });
}

async function lent(sender: Sender, wantIds = 4): Promise<string> {
  const { body } = await sender.send([], { wantIds });
  return idFromNumber("host", (body as UplinkReply).ids?.first ?? 0);
}

async function start() {
  const hub = await startTestHub();
  const site = await hub.site();
  return { hub, site, sender: new Sender(hub, site) };
}

test("state that a site reports is shown, and its cursor moves", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await host(hub, site, "one");
  const { status, body } = await sender.send([state(id, { cpuModel: "Z80", memoryBytes: "65536" })]);
  const stream = { epoch: sender.epoch, incarnation: 1 };
  const said = { position: expect.any(Number), receipt: expect.any(String), protocol: PROTOCOL_VERSION };
  expect([status, body]).toEqual([200, { stream, cursor: 1, outcomes: [], ...said }]);
  expect(await shown(hub, id)).toMatchObject({ cpuModel: "Z80", memoryBytes: "65536" });
  const link = await hub.ask("GET", `/v1/projects/default/sites/${site.id}/status`);
  expect(link.body).toMatchObject({ cursor: 1, quarantined: 0, stream: { incarnation: 1 } });
});

test("a poison entry in the middle of a batch is set aside, seen, acknowledged, and blocks nothing", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const [first, last] = [await host(hub, site, "first"), await host(hub, site, "last")];
  const poison = state(first, { cpuModel: 5 });
  const { status, body } = await sender.send([state(first, { cpuModel: "A" }), poison, state(last, { cpuModel: "B" })]);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    cursor: 3,
    outcomes: [{ seq: 2, result: "quarantined", reason: expect.stringMatching(/cpuModel/) }],
  });
  expect([(await shown(hub, first)).cpuModel, (await shown(hub, last)).cpuModel]).toEqual(["A", "B"]);
  const seen = await hub.ask("GET", `/v1/projects/default/sites/${site.id}/quarantine`);
  expect(seen.body).toMatchObject({ total: 1, entries: [{ seq: 2, entry: JSON.stringify(poison) }] });
});

test("of an entry that the database refuses when a part of it is written already nothing stays (rule 9)", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await host(hub, site, "one");
  const refuse = sql`create trigger refuse before insert on host_nic begin select raise(abort, 'no more'); end`;
  await hub.hub.store.write((tx) => refuse.execute(tx.tables<HubTables>()));
  const half = state(id, { cpuModel: "B", hostNics: [{ deviceName: "eth0" }] });
  const { body } = await sender.send([state(id, { cpuModel: "A" }), half]);
  expect(body.outcomes).toMatchObject([{ seq: 2, result: "quarantined" }]);
  expect((await shown(hub, id)).cpuModel).toBe("A");
});

const POISON: [what: string, entry: (id: string) => unknown][] = [
  ["of an unknown type", () => ({ type: "wish", id: "host-00000001" })],
  ["without a type", () => 17],
  ["of a type that every object has", () => ({ type: "constructor" })],
  ["of an unknown kind", (id) => state(id, {}, { kind: "teapot" })],
  ["with a value of the wrong type", (id) => state(id, { memoryBytes: true })],
  ["that writes intent", (id) => state(id, { name: "mine" })],
  ["of a host that does not exist", () => state("host-7fffffff", {})],
  ["without what its type needs", (id) => ({ type: "state", kind: "host", id })],
  ["of more than 256 KiB", (id) => state(id, {}, { padding: "x".repeat(256 * 1024) })],
  ["from a time that no date can be", (id) => state(id, {}, { observedAt: 8_640_000_000_000_001 })],
  ["of a time that no integer holds", () => ({ ...event("late"), at: 1e300 })],
  ["with a part whose number no integer holds", (id) => state(id, { hostNics: [{ mtu: 1e300 }] })],
  ["with a NUL", (id) => state(id, { cpuModel: "a\u0000b" })],
  ["with a forbidden name", (id) => state(id, JSON.parse('{"__proto__": 1}'))],
];

test.each(POISON)("an entry %s is set aside", async (_, entry) => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await host(hub, site, "one");
  const { status, body } = await sender.send([event("before"), entry(id), event("after")]);
  expect([status, body.outcomes]).toEqual([200, [{ seq: 2, result: "quarantined", reason: expect.any(String) }]]);
  expect(await rows(hub, "event")).toHaveLength(2);
});

test("of an entry that is set aside the beginning is kept, and the reason is short, whatever it holds", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await host(hub, site, "one");
  const edit = { type: "edit", intent: "i", kind: "host", id, base: "", value: 1, actor: "operator:a", at: 1 };
  const { body } = await sender.send([{ ...edit, field: "x".repeat(200_000) }]);
  expect(body.outcomes[0].reason).toHaveLength(500);
  const [kept] = await rows(hub, "quarantine");
  expect([String(kept?.reason).length, String(kept?.entry).length]).toEqual([500, 16 * 1024]);
});

test("a batch nested deeper than any site can seal is refused, and nothing of it is stored", async () => {
  const { hub: opened, sender } = await start();
  await using hub = opened;
  const batch = JSON.stringify(sender.seal([event("a"), { deep: 1 }])).replace('"deep":1', `"deep":${nested(100_000)}`);
  const { status, body } = await sender.post(batch);
  expect([status, body]).toEqual([400, { code: "InvalidArgument", message: expect.stringMatching(/nested/) }]);
  expect(await rows(hub, "event")).toEqual([]);
});

test("state of another site's host is dropped, kept as history, and changes nothing (rule 14)", async () => {
  const { hub: opened, sender } = await start();
  await using hub = opened;
  const id = await host(hub, await hub.site(), "theirs");
  const { body } = await sender.send([state(id, { cpuModel: "stolen" })]);
  expect(body.outcomes).toMatchObject([{ result: "applied", reason: expect.stringContaining("does not manage") }]);
  expect(await rows(hub, "quarantine")).toEqual([]);
  expect(await rows(hub, "event")).toMatchObject([{ subject: id, event: "state-dropped" }]);
  expect((await shown(hub, id)).cpuModel).not.toBe("stolen");
});

test("state of a host that was deleted meanwhile is dropped, kept as history, and brings nothing back (rule 15)", async () => {
  const { hub: opened, sender } = await start();
  await using hub = opened;
  const { body: free } = await hub.ask("POST", "/v1/projects/default/compute/hosts", { name: "claimed while cut off" });
  await hub.ask("DELETE", `/v1/projects/default/compute/hosts/${free.resourceId}`);
  const { body } = await sender.send([state(free.resourceId, { cpuModel: "Z80" })]);
  expect(body.outcomes).toMatchObject([{ result: "applied", reason: expect.stringContaining("was deleted") }]);
  expect(await rows(hub, "quarantine")).toEqual([]);
  expect(await rows(hub, "event")).toMatchObject([{ subject: free.resourceId, event: "state-dropped" }]);
  expect((await hub.ask("GET", `/v1/projects/default/compute/hosts/${free.resourceId}`)).status).toBe(404);
});

test("state from a clock in the year 2000 is shown as reported and orders nothing", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await host(hub, site, "one");
  await sender.send([state(id, { cpuModel: "new" }, { observedAt: Date.UTC(2026, 0, 1) })]);
  const then = Date.UTC(2000, 0, 1);
  expect((await sender.send([state(id, { cpuModel: "newer" }, { observedAt: then })])).body.outcomes).toEqual([]);
  expect((await shown(hub, id)).cpuModel).toBe("newer");
  const [row] = await hub.hub.store.read((view) =>
    view.tables<{ host: object }>().selectFrom("host").selectAll().execute(),
  );
  expect(row).toMatchObject({ observed_at: then });
});

test("a host that is made at a site is the site's, once however often it is sent", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await lent(sender);
  const fields = { name: "new", serialNumber: "SN-0001" };
  const create = {
    type: "create",
    intent: "i-1",
    kind: "host",
    id,
    creation: "c-1",
    actor: "enrolment",
    at: 1,
    fields,
  };
  const at = { scope: siteScope(site.id), seq: expect.any(Number) };
  const first = await sender.send([create]);
  expect(first.body.outcomes).toEqual([{ seq: 1, intent: "i-1", result: "applied", at }]);
  expect((await sender.send([create])).body.outcomes).toEqual([{ seq: 2, intent: "i-1", result: "applied", at }]);
  expect((await hub.ask("GET", "/v1/projects/default/compute/hosts")).body.totalElements).toBe(1);
  expect(await shown(hub, id)).toMatchObject({ name: "new", site: { resourceId: site.id } });
});

test("an id that was not lent to the site is set aside", async () => {
  const { hub: opened, sender } = await start();
  await using hub = opened;
  const theirs = await lent(new Sender(hub, await hub.site()));
  const create = { type: "create", intent: "i", kind: "host", creation: "c", actor: "a", at: 1, fields: { name: "n" } };
  for (const id of [theirs, "host-00000001", "host-ffffffff", "nonsense"]) {
    const { body } = await sender.send([{ ...create, id }]);
    expect(body.outcomes).toMatchObject([
      { intent: "i", result: "quarantined", reason: expect.stringMatching(/lent/) },
    ]);
  }
});

test("an edit applies to the stamp it names; on another it becomes a conflict with both values", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await host(hub, site, "first");
  const { stamps } = await bodyInFeed(hub, site, id);
  const edit = (intent: string, value: string, base: string) => {
    return { type: "edit", intent, kind: "host", id, field: "name", base, value, actor: "operator:bob", at: 1 };
  };
  const { body } = await sender.send([edit("e-1", "second", stamps.name.id), edit("e-2", "third", stamps.name.id)]);
  expect(body.outcomes).toMatchObject([
    { seq: 1, intent: "e-1", result: "applied", at: { scope: siteScope(site.id) } },
    { seq: 2, intent: "e-2", result: "conflict", at: { scope: siteScope(site.id) } },
  ]);
  expect((await shown(hub, id)).name).toBe("second");
  expect(await rows(hub, "open_conflict")).toMatchObject([{ resource_id: id, field: "name" }]);
  expect(await rows(hub, "conflict_value")).toMatchObject([
    { write: "e-1", value: '"second"' },
    { write: "e-2", value: '"third"', by: site.id },
  ]);
});

test("a release lets a deleted host go; one that nobody asked for changes nothing", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await host(hub, site, "one");
  const release = { type: "release", kind: "host", id, reason: "deleted", stamp: "unknown" };
  expect((await sender.send([release])).body.outcomes).toMatchObject([
    { result: "applied", reason: expect.any(String) },
  ]);
  expect((await shown(hub, id)).resourceId).toBe(id);
  await hub.ask("DELETE", `/v1/projects/default/compute/hosts/${id}`);
  const { stamps } = await bodyInFeed(hub, site, id);
  await sender.send([{ ...release, stamp: stamps.desiredState.id }]);
  expect((await hub.ask("GET", `/v1/projects/default/compute/hosts/${id}`)).status).toBe(404);
});

test("the stream's refusals answer 409 with what the hub expects", async () => {
  const { hub: opened, sender } = await start();
  await using hub = opened;
  sender.incarnation = 5;
  await sender.send([event("a"), event("b")]);
  const next = { stream: { epoch: sender.epoch, incarnation: 5 }, first: 3, previous: sender.previous, sealedAt: 0 };
  const expected = { epoch: sender.epoch, incarnation: 5, expected: 3 };
  const refused = async (change: object) => (await sender.post({ ...next, entries: [event("c")], ...change })).body;
  expect(await refused({ first: 4 })).toMatchObject({ reason: "gap", ...expected });
  expect(await refused({ first: 2 })).toMatchObject({ reason: "forked", ...expected });
  expect(await refused({ first: 1, previous: "" })).toMatchObject({ reason: "forked", ...expected });
  expect(await refused({ previous: "other" })).toMatchObject({ reason: "forked", ...expected });
  expect(await refused({ stream: { epoch: "other", incarnation: 5 } })).toMatchObject({ reason: "epoch", ...expected });
  const over = { stream: { epoch: sender.epoch, incarnation: 4 } };
  expect(await refused(over)).toMatchObject({ reason: "incarnation", ...expected });
  expect(await rows(hub, "event")).toHaveLength(2);
});

test("a greater incarnation starts a new stream at 1", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  await sender.send([event("a")]);
  const reborn = new Sender(hub, site, 2);
  expect((await reborn.send([event("b")])).body).toMatchObject({ cursor: 1, stream: { incarnation: 2 } });
  expect((await sender.send([event("c")])).body).toMatchObject({ reason: "incarnation", incarnation: 2 });
});

test("a batch that comes again gets the same reply, with the same ids, and has no further effect", async () => {
  const { hub: opened, sender } = await start();
  await using hub = opened;
  const batch = sender.seal([event("a"), { type: "wish" }], { wantIds: 10 });
  const first = await sender.post(batch);
  expect(first.body.ids).toEqual({ first: expect.any(Number), count: 10 });
  await hub.restart();
  expect((await sender.post(batch)).body).toEqual(first.body);
  expect(await rows(hub, "event")).toHaveLength(1);
  expect((await sender.send([], { wantIds: 10 })).body.ids).not.toEqual(first.body.ids);
});

const MALFORMED: [what: string, body: (sender: Sender) => unknown, status: number][] = [
  ["that is no JSON", () => '{"stream":', 400],
  ["that is no batch", () => [1, 2], 400],
  ["without a stream", (sender) => ({ ...sender.seal([]), stream: undefined }), 400],
  ["that begins at 0", (sender) => sender.seal([], { first: 0 }), 400],
  ["of too many entries", (sender) => sender.seal(Array.from({ length: 1_001 }, () => 1)), 400],
  ["that asks for too many ids", (sender) => sender.seal([], { wantIds: 1_001 }), 400],
  ["of more than 1 MiB", (sender) => sender.seal([{ padding: "x".repeat(1024 * 1024) }]), 413],
];

test.each(MALFORMED)("a batch %s is refused whole", async (_, body, status) => {
  const { hub: opened, sender } = await start();
  await using hub = opened;
  const answer = await sender.post(body(sender));
  expect([answer.status, answer.body.code]).toEqual([status, expect.any(String)]);
  expect(await rows(hub, "uplink_stream")).toEqual([]);
});

test("a batch may come compressed; one that inflates beyond 1 MiB is cut off", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const post = (body: Uint8Array<ArrayBuffer>, encoding = "gzip") =>
    fetch(`${hub.url}/v1/sites/${site.id}/uplink`, {
      method: "POST",
      headers: { ...site.headers, "content-type": "application/json", "content-encoding": encoding },
      body,
    });
  const packed = (batch: object) => new Uint8Array(gzipSync(JSON.stringify(batch)));
  expect((await post(packed(sender.seal([event("a")])))).status).toBe(200);
  const bomb = packed({ padding: "x".repeat(50 * 1024 * 1024) });
  expect(bomb.length).toBeLessThan(100_000);
  expect((await post(bomb)).status).toBe(413);
  const broken = await post(new Uint8Array([1, 2, 3]));
  expect([broken.status, await broken.json()]).toMatchObject([400, { message: expect.stringMatching(/not gzip/) }]);
  const other = await post(packed(sender.seal([])), "br");
  expect([other.status, await other.json()]).toMatchObject([
    400,
    { message: expect.stringMatching(/br is not taken/) },
  ]);
});

test("only the site's own token opens its uplink", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const other = await hub.site();
  const post = (token: string) => hub.ask("POST", `/v1/sites/${site.id}/uplink`, sender.seal([event("a")]), token);
  expect((await post(other.token)).status).toBe(403);
  expect((await post(hub.operator)).status).toBe(403);
  expect((await post("hfs_nobody-knows-this")).status).toBe(401);
  await hub.hub.authority.createTenant({ actor: "operator:test", name: "elsewhere" });
  const foreign = await hub.site("elsewhere");
  expect((await post(foreign.token)).status).toBe(403);
  expect(await rows(hub, "event")).toEqual([]);
});

test("an uplink of a version that is not served gets 426", async () => {
  const { hub: opened, site } = await start();
  await using hub = opened;
  const headers = { ...site.headers, [PROTOCOL_HEADER]: "99", "content-type": "application/json" };
  const response = await fetch(`${hub.url}/v1/sites/${site.id}/uplink`, { method: "POST", headers, body: "{}" });
  expect([response.status, await response.json()]).toMatchObject([426, { code: "FailedPrecondition" }]);
});

test("a site learns who it is", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const { body } = await hub.ask("GET", "/v1/sites/self", undefined, site.token);
  const tenant = { id: site.tenant, name: "default" };
  expect(body).toMatchObject({ siteId: site.id, tenant, epoch: sender.epoch, protocol: PROTOCOL_VERSION });
});

test("the quarantine of a site is bounded, and keeps the newest", async () => {
  const { hub: opened, sender } = await start();
  await using hub = opened;
  await sender.send(Array.from({ length: 1_000 }, () => "poison"));
  await sender.send(["the newest"]);
  const kept = await rows(hub, "quarantine");
  expect(kept).toHaveLength(1_000);
  expect(kept.some((row) => row.entry === '"the newest"')).toBe(true);
});

test("events and outcomes of intents are bounded, and the newest kept", async () => {
  const { hub: opened, site } = await start();
  await using hub = opened;
  const of = { site: site.id, kept: 3 };
  await hub.hub.store.write(async (transaction) => {
    for (const id of ["a", "b", "c", "d", "e"]) {
      const entry = { type: "event" as const, id, kind: "host", subject: "s", event: "e", at: 1 };
      await keepEvent(transaction, { ...of, entry, now: 1 });
      await onceForIntent(transaction, { ...of, intent: id }, async () => ({ result: "applied" }));
    }
  });
  expect((await rows(hub, "event")).map(({ id }) => id)).toEqual(["c", "d", "e"]);
  expect((await rows(hub, "intent_outcome")).map(({ intent }) => intent)).toEqual(["c", "d", "e"]);
});

test("an intent that comes again in a new stream is not carried out again", async () => {
  const { hub: opened, site, sender } = await start();
  await using hub = opened;
  const id = await host(hub, site, "first");
  const base = (await bodyInFeed(hub, site, id)).stamps.name.id;
  const edit = {
    type: "edit",
    intent: "e-1",
    kind: "host",
    id,
    field: "name",
    base,
    value: "second",
    actor: "a",
    at: 1,
  };
  const { body } = await sender.send([edit]);
  await hub.ask("PATCH", `/v1/projects/default/compute/hosts/${id}`, { name: "third" });
  const again = await new Sender(hub, site, 2).send([edit]);
  expect(again.body.outcomes).toEqual(body.outcomes);
  expect((await shown(hub, id)).name).toBe("third");
  expect(await rows(hub, "open_conflict")).toEqual([]);
});
