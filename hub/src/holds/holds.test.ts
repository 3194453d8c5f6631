import { siteScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";

const event = (id: string) => ({ type: "event", id, kind: "host", subject: "s", event: "e", at: 1 });

/** The hold in a site's feed; null when it was released, undefined when there never was one. */
async function shown(hub: TestHub, { id }: TestSite) {
  const { rows } = await hub.hub.store.read((view) => view.feed(siteScope(id), 0, 1_000));
  const row = rows.find((each) => each.kind === "hold" && each.id === id);
  return row && (JSON.parse(row.body ?? "null") as { hold: string; reason: string; tenant: string } | null);
}

async function held(reborn = 2) {
  const hub = await startTestHub();
  const site = await hub.site();
  await new Sender(hub, site).send([event("a")]);
  const sender = new Sender(hub, site, reborn);
  await sender.send([event("b")]);
  return { hub, site, sender };
}

const released = (hold: string, more: object = {}) => {
  return { type: "hold-released", hold, actor: "operator:bob", at: 1, ...more };
};

test("a site's first life is not held; a later one is, with its reason, in the site's own feed (rule 21)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await new Sender(hub, site).send([event("a")]);
  expect(await shown(hub, site)).toBeUndefined();
  await new Sender(hub, site, 2).send([event("b")]);
  expect(await shown(hub, site)).toMatchObject({ tenant: site.tenant, reason: "site-disk-lost" });
});

test("a site that the hub found to be another than before was rolled back (rule 21)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const sender = new Sender(hub, site);
  await sender.send([event("a")]);
  const rolledBack = new Sender(hub, site);
  expect((await rolledBack.send([event("other")])).body).toMatchObject({ reason: "forked" });
  await new Sender(hub, site, 2).send([event("b")]);
  expect(await shown(hub, site)).toMatchObject({ reason: "site-rolled-back" });
});

test("a site that is ahead of the hub without proof was not put back as far as anybody knows: entries are missing (rules 7, 21)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const sender = new Sender(hub, site);
  await sender.send([event("a")]);
  sender.seal([event("lost")]);
  expect((await sender.send([event("b")])).body).toMatchObject({ reason: "gap" });
  await new Sender(hub, site, 2).send([event("b")]);
  expect(await shown(hub, site)).toMatchObject({ reason: "entries-missing" });
});

test("a site that goes on in a life that was over was put back; one with a new disk and a slow clock was not (rule 21)", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const before = new Sender(hub, site, 5);
  await before.send([event("a")]);
  await new Sender(hub, site, 6).send([event("b")]);
  expect((await before.send([event("c")])).body).toMatchObject({ reason: "incarnation" });
  await new Sender(hub, site, 7).send([event("c")]);
  expect(await shown(hub, site)).toMatchObject({ reason: "site-rolled-back" });
  expect((await new Sender(hub, site, 2).send([event("d")])).body).toMatchObject({ reason: "incarnation" });
  await new Sender(hub, site, 8).send([event("d")]);
  expect(await shown(hub, site)).toMatchObject({ reason: "site-disk-lost" });
});

test("the same life in another life of the hub is not held for that", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  await new Sender(hub, site).send([event("a")]);
  await hub.hub.authority.beginEpoch();
  await new Sender(hub, site).send([event("b")]);
  expect(await shown(hub, site)).toBeUndefined();
});

test("an operator at the site releases the hold that they saw, and no later one", async () => {
  const { hub: opened, site, sender } = await held();
  await using hub = opened;
  const first = (await shown(hub, site))?.hold ?? "";
  const again = new Sender(hub, site, 3);
  await again.send([event("c")]);
  const second = (await shown(hub, site))?.hold ?? "";
  expect(second).not.toBe(first);
  expect((await again.send([released(first)])).body.outcomes).toMatchObject([
    { reason: expect.stringMatching(/stand/) },
  ]);
  expect(await shown(hub, site)).toMatchObject({ hold: second });
  expect((await again.send([released(second)])).body.outcomes).toEqual([]);
  expect(await shown(hub, site)).toBeNull();
  expect(sender.site).toBe(site);
});

test("who may not, as far as the hub knows, has not released it (rule 6)", async () => {
  const { hub: opened, site, sender } = await held();
  await using hub = opened;
  const hold = (await shown(hub, site))?.hold ?? "";
  const reader = await hub.hub.tokens.createOperator({ name: "eve", role: "read", tenants: "all" });
  for (const token of [reader.id, "token-0000000000000000"]) {
    const { body } = await sender.send([released(hold, { token })]);
    expect(body.outcomes).toMatchObject([{ result: "applied", reason: expect.stringMatching(/token/) }]);
    expect(await shown(hub, site)).toMatchObject({ hold });
  }
});

test("the history tells who held a site and who let it go on", async () => {
  const { hub: opened, site, sender } = await held();
  await using hub = opened;
  const hold = (await shown(hub, site))?.hold ?? "";
  await sender.send([released(hold)]);
  const changes = await hub.hub.store.read((view) => view.changes(site.tenant, 0, 1_000));
  expect(changes.filter(({ kind }) => kind === "hold")).toMatchObject([
    { actor: "hub", operation: "create", id: site.id, after: { hold } },
    { actor: `site:${site.id}/operator:bob`, operation: "delete", id: site.id, before: { hold } },
  ]);
});
