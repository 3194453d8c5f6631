import { request } from "node:http";
import {
  batchTakesAtMost,
  CAPABILITIES_HEADER,
  Host,
  Instance,
  idFromNumber,
  MAX_BATCH_BYTES,
  PROTOCOL_HEADER,
  PROTOCOL_VERSION,
  SERVED_BEHIND,
  type StateEntry,
  siteScope,
} from "@holdfast/protocol";
import { expect, test } from "vitest";
import { Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";
import type { HubTables } from "../tables.ts";

const HOSTS = "/v1/projects/default/compute/hosts";
const event = (id: string, more: object = {}) => {
  return { type: "event", id, kind: "host", subject: "s", event: "e", at: 1, ...more };
};
/** As much of what happened as fills the better part of a batch: there is likely to be more behind it. */
const backlog = (name: string) =>
  Array.from({ length: 300 }, (_, at) => event(`${name}-${at}`, { detail: { text: "x".repeat(2_000) } }));

async function host(hub: TestHub, site: TestSite, name: string): Promise<string> {
  return (await hub.ask("POST", HOSTS, { name, siteId: site.id })).body.resourceId;
}

const stored = (hub: TestHub, site: TestSite, id: string) =>
  hub.hub.store.read((view) => view.get(Host, site.tenant, id));

const speaking = (site: TestSite, version: number) => {
  return { ...site.headers, [PROTOCOL_HEADER]: String(version), [CAPABILITIES_HEADER]: "" };
};

test("of many sites that send their backlogs some are taken, the others told when to come back, live ones served", async () => {
  await using hub = await startTestHub({ uplinkSlots: 1 });
  const [draining, waiting] = [new Sender(hub, await hub.site()), new Sender(hub, await hub.site())];
  expect((await draining.send(backlog("a"))).status).toBe(200);
  const batch = waiting.seal(backlog("b"));
  const refused = await waiting.post(batch);
  expect([refused.status, refused.body]).toMatchObject([503, { code: "Unavailable" }]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await new Sender(hub, await hub.site()).send([event("small")])).status).toBe(200);
  // Nothing of it was taken, and nothing is lost: the same batch goes through once the other is done.
  await draining.send([event("the last")]);
  expect((await waiting.post(batch)).body).toMatchObject({ cursor: 300, outcomes: [] });
});

test("a site that must come back later is told so before its backlog is read", async () => {
  await using hub = await startTestHub({ uplinkSlots: 1 });
  await new Sender(hub, await hub.site()).send(backlog("a"));
  const { id, headers } = await hub.site();
  const status = await new Promise((resolve, reject) => {
    const announced = { ...headers, "content-type": "application/json", "content-length": "500000" };
    const asking = request(`${hub.url}/v1/sites/${id}/uplink`, { method: "POST", headers: announced }, (answer) => {
      resolve(answer.statusCode);
      asking.destroy();
    });
    asking.on("error", reject);
    // Of the half megabyte that was announced, not a byte.
    asking.flushHeaders();
  });
  expect(status).toBe(503);
});

test("a small batch whose length nobody declared is taken though others send backlogs", async () => {
  await using hub = await startTestHub({ uplinkSlots: 1 });
  await new Sender(hub, await hub.site()).send(backlog("a"));
  const site = await hub.site();
  const batch = JSON.stringify(new Sender(hub, site).seal([event("small")]));
  const answer = await fetch(`${hub.url}/v1/sites/${site.id}/uplink`, {
    ...{ method: "POST", headers: { ...site.headers, "content-type": "application/json" } },
    // In pieces: its length is known at its end alone.
    ...{ body: new Blob([batch]).stream(), duplex: "half" },
  });
  expect(answer.status).toBe(200);
});

test("a whole batch may come in for as long as its site goes on sending it over a slow link", async () => {
  await using hub = await startTestHub();
  expect(hub.hub.app.server.requestTimeout).toBeGreaterThanOrEqual(batchTakesAtMost(MAX_BATCH_BYTES));
});

test("a site whose backlog went into a part of a batch leaves its slot with it, for there is nothing behind", async () => {
  await using hub = await startTestHub({ uplinkSlots: 1 });
  for (const name of ["a", "b", "c"]) {
    const site = new Sender(hub, await hub.site());
    expect((await site.send(backlog(name).slice(0, 100))).status).toBe(200);
  }
});

test("what cannot be read of a backlog leaves its slot again", async () => {
  await using hub = await startTestHub({ uplinkSlots: 1 });
  const site = await hub.site();
  const post = () => hub.ask("POST", `/v1/sites/${site.id}/uplink`, `[${"1,".repeat(50_000)}`, site.token);
  expect([(await post()).status, (await post()).status]).toEqual([400, 400]);
  expect((await new Sender(hub, site).send(backlog("a"))).status).toBe(200);
});

test("a site opens its link with the hub's lives, oldest first", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const first = hub.hub.authority.epoch();
  const epoch = await hub.hub.authority.beginEpoch();
  const { body } = await hub.ask("GET", "/v1/sites/self", undefined, site.token);
  expect(body).toMatchObject({ siteId: site.id, epoch, lineage: [first, epoch], protocol: PROTOCOL_VERSION });
});

test("sites from too many versions ago are told to be upgraded, and those in between are served (rule 23)", async () => {
  const version = SERVED_BEHIND.site + 5;
  await using hub = await startTestHub({ protocolVersion: version });
  const site = await hub.site();
  const self = (speaks: number) => fetch(`${hub.url}/v1/sites/self`, { headers: speaking(site, speaks) });
  for (const speaks of [version, version - SERVED_BEHIND.site]) {
    const answer = await self(speaks);
    expect([answer.status, await answer.json()]).toMatchObject([200, { protocol: version }]);
  }
  const tooOld = await self(version - SERVED_BEHIND.site - 1);
  expect([tooOld.status, await tooOld.json()]).toMatchObject([
    426,
    { message: expect.stringMatching(/upgrade the site/) },
  ]);
});

test("sites of a version that the hub does not know yet are told that the hub comes first (rule 23)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const headers = { ...speaking(site, PROTOCOL_VERSION + 1), "content-type": "application/json" };
  for (const [method, path] of [
    ["GET", "/v1/sites/self"],
    ["GET", `/v1/shape?table=feed&where=scope='${siteScope(site.id)}'&offset=-1`],
    ["POST", `/v1/sites/${site.id}/uplink`],
    ["POST", `/v1/sites/${site.id}/contact`],
  ] as const) {
    const answer = await fetch(`${hub.url}${path}`, { method, headers, ...(method === "POST" ? { body: "{}" } : {}) });
    expect([path, answer.status, await answer.json()]).toMatchObject([
      path,
      426,
      { message: expect.stringMatching(/upgrade the hub first/) },
    ]);
  }
});

test("a contact is checked as every body is, and is for the site's own token", async () => {
  await using hub = await startTestHub();
  const [site, other] = [await hub.site(), await hub.site()];
  const say = (body: unknown, token = site.token) => hub.ask("POST", `/v1/sites/${site.id}/contact`, body, token);
  expect((await say({})).status).toBe(200);
  expect((await say({ witness: { epoch: 5 } })).body).toMatchObject({ message: expect.stringMatching(/witness/) });
  expect((await say("no JSON")).status).toBe(400);
  expect((await say({}, other.token)).status).toBe(403);
  expect((await say({}, hub.operator)).status).toBe(403);
});

test("who saw what and when is kept, and groups that this life of the site has not seen stay as they were", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const sender = new Sender(hub, site);
  const id = await host(hub, site, "one");
  const state = (more: Partial<StateEntry>) => {
    return { type: "state", kind: "host", id, observedAt: 1, observedGeneration: 1, fields: {}, ...more };
  };
  const sources = { hardware: { source: "agent", at: 5 }, power: { source: "site", at: 6 } };
  await sender.send([state({ fields: { cpuModel: "Z80", currentPowerState: "POWER_STATE_ON" }, sources })]);
  const later = { power: { source: "site", at: 9 } };
  const fields = { currentPowerState: "POWER_STATE_OFF" };
  expect((await sender.send([state({ fields, sources: later, keep: ["hardware"] })])).body.outcomes).toEqual([]);
  expect(await stored(hub, site, id)).toMatchObject({
    fields: { cpuModel: "Z80", currentPowerState: "POWER_STATE_OFF" },
    observedSources: { hardware: sources.hardware, power: later.power },
  });
});

test("what a site shows with a batch of what the hub took proves a loss only where the hub has it no more (rule 7)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const before = new Sender(hub, site);
  await before.send([event("a"), event("b")]);
  const streams = () =>
    hub.hub.store.read((view) => view.tables<HubTables>().selectFrom("uplink_stream").selectAll().execute());
  const [earlier] = await streams();
  if (!earlier) throw new Error("the hub follows no stream");
  const epoch = await hub.hub.authority.beginEpoch();
  const sender = new Sender(hub, site);
  const { cursor, receipt } = (await sender.send([event("c")])).body;
  const witness = { epoch, feed: [], cursor: { incarnation: 1, cursor, receipt } };
  expect(await sender.send([event("d")], { witness })).toMatchObject({ status: 200, body: { cursor: 2 } });
  // Put back behind its own receipt, to the stream of an earlier life that was longer.
  await hub.hub.store.write((tx) => tx.tables<HubTables>().updateTable("uplink_stream").set(earlier).execute());
  const lost = await sender.send([event("e")], { witness });
  expect([lost.status, lost.body.reason, lost.body.epoch]).toEqual([409, "epoch", hub.hub.authority.epoch()]);
  expect(lost.body.epoch).not.toBe(epoch);
});

/** The site lets a host go as the field says that was asked for, and brings a name of an earlier life, which the hub has lost. */
async function letGo(
  hub: TestHub,
  site: TestSite,
  { id, reason, asked, lost }: { id: string; reason: string; asked: string; lost: string },
): Promise<void> {
  const { rows } = await hub.hub.store.read((view) => view.feed(siteScope(site.id), 0, 100));
  const body = JSON.parse(rows.find((row) => row.id === id)?.body ?? "{}");
  const release = { type: "release", kind: "host", id, reason, stamp: body.stamps[asked].id, body };
  body.stamps.name = { id: "w-forgotten", epoch: lost, generation: 9 };
  body.fields.name = "forgotten";
  expect((await new Sender(hub, site).send([release])).body.outcomes).toEqual([]);
}

test("a release brings the row as the site held it, and what the hub had forgotten of it is history then (rule 20)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const id = await host(hub, site, "one");
  const lost = hub.hub.authority.epoch();
  await hub.hub.authority.beginEpoch();
  await hub.ask("DELETE", `${HOSTS}/${id}`);
  await letGo(hub, site, { id, reason: "deleted", asked: "desiredState", lost });
  expect(await stored(hub, site, id)).toBeUndefined();
  expect(await hub.hub.store.read((view) => view.knowsWrite(site.tenant, "w-forgotten"))).toBe(true);
});

test("what a release brings that can be told neither older nor newer than the hub's is a conflict (rule 20)", async () => {
  await using hub = await startTestHub();
  const [site, next] = [await hub.site(), await hub.site()];
  const id = await host(hub, site, "one");
  const lost = hub.hub.authority.epoch();
  await hub.hub.authority.beginEpoch();
  await hub.ask("PATCH", `${HOSTS}/${id}`, { name: "of the hub", siteId: next.id });
  await letGo(hub, site, { id, reason: "moved", asked: "siteId", lost });
  const { conflicts } = (await hub.ask("GET", "/v1/projects/default/conflicts")).body;
  expect(conflicts).toMatchObject([{ resourceId: id, field: "name", values: [{}, { value: "forgotten" }] }]);
});

test("what is said of a host under an id that is no more is said of the host that it is now (rule 5)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const sender = new Sender(hub, site);
  const id = await host(hub, site, "one");
  const old = "host-80000009";
  await hub.hub.store.write((tx) =>
    tx
      .tables<HubTables>()
      .insertInto("host_alias")
      .values({ tenant: site.tenant, alias: old, of: id, site: site.id, at: 1 })
      .execute(),
  );
  const base = (await stored(hub, site, id))?.stamps.name?.id;
  const edit = {
    type: "edit",
    intent: "e",
    kind: "host",
    id: old,
    field: "name",
    base,
    value: "two",
    actor: "a",
    at: 1,
  };
  const state = {
    type: "state",
    kind: "host",
    id: old,
    observedAt: 1,
    observedGeneration: 1,
    fields: { cpuModel: "Z80" },
  };
  const credential = { type: "credential", hostId: old, hash: "a".repeat(64), machine: "m", at: 1 };
  const profile = { name: "Debian 12", profileName: "debian-12", sha256: "a".repeat(64) };
  const { resourceId: osID } = (await hub.ask("POST", "/v1/projects/default/compute/os", profile)).body;
  const made = idFromNumber("inst", (await sender.send([], { wantIds: 1 })).body.ids.first);
  const installed = {
    ...{ type: "create", intent: "i", kind: "instance", id: made, creation: "c", actor: "a", at: 1 },
    fields: { name: "web", hostID: old, osID },
  };
  const { body } = await sender.send([edit, state, credential, installed]);
  expect(body.outcomes).toMatchObject([
    { intent: "e", result: "applied" },
    { intent: "i", result: "applied" },
  ]);
  const instance = await hub.hub.store.read((view) => view.get(Instance, site.tenant, made));
  expect(instance?.fields.hostID).toBe(id);
  expect(await stored(hub, site, id)).toMatchObject({ fields: { name: "two", cpuModel: "Z80" } });
});
