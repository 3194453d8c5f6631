import { type FeedScope, OperatingSystem, siteScope, tenantScope, type UplinkReply } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { feedPosition } from "../feeds/feed-position.ts";
import { type Answer, Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";
import { snapshotOf } from "./rolled-back-hub.ts";

const AT = "/v1/projects/default";

interface HeldRow {
  readonly type: "replica-row";
  readonly scope: "tenant" | "site";
  readonly kind: string;
  readonly id: string;
  readonly body: Record<string, unknown>;
}

/** What a site that had followed its feeds to the end would hold of them. */
async function replicaOf(hub: TestHub, site: TestSite): Promise<HeldRow[]> {
  const held: HeldRow[] = [];
  for (const [name, scope] of Object.entries({ tenant: tenantScope(site.tenant), site: siteScope(site.id) })) {
    const { rows } = await hub.hub.store.read((view) => view.feed(scope as FeedScope, 0, 1_000));
    for (const { kind, id, body } of rows) {
      if (body === null) continue;
      held.push({ type: "replica-row", scope: name as "tenant" | "site", kind, id, body: JSON.parse(body) });
    }
  }
  return held;
}

const recovered = (rows: number) => ({ type: "recovered", rows, lineage: [] });
const only = (rows: readonly HeldRow[], kind: string) => rows.filter((row) => row.kind === kind);

async function made(hub: TestHub, path: string, body: object): Promise<string> {
  const answer = await hub.ask("POST", `${AT}/${path}`, body);
  expect(answer).toMatchObject({ status: 200, body: { resourceId: expect.any(String) } });
  return answer.body.resourceId;
}

const get = (hub: TestHub, path: string): Promise<Answer> => hub.ask("GET", `${AT}/${path}`);
const quarantineOf = async (hub: TestHub, site: TestSite) =>
  (await get(hub, `sites/${site.id}/quarantine`)).body.entries as { reason: string; entry: string }[];

/** A hub that had more than its backup has, and a site that holds all of it. */
async function restored() {
  const hub = await startTestHub();
  const site = await hub.site();
  const host = await made(hub, "compute/hosts", { name: "before", siteId: site.id });
  await new Sender(hub, site).send([]);
  const putBack = await snapshotOf(hub);
  await hub.ask("PATCH", `${AT}/compute/hosts/${host}`, { name: "after" });
  const region = await made(hub, "regions", { name: "later" });
  const second = await made(hub, "compute/hosts", { name: "second", siteId: site.id });
  const profile = { name: "os", profileName: "os", architecture: "x86_64", imageId: "1", sha256: "a".repeat(64) };
  const os = await made(hub, "compute/os", {
    ...profile,
    osType: "OS_TYPE_MUTABLE",
    imageUrl: "https://i.example/os.raw",
  });
  const instance = await made(hub, "compute/instances", { hostID: second, osID: os, name: "i" });
  const held = await replicaOf(hub, site);
  await putBack();
  await hub.hub.authority.beginEpoch();
  return { hub, site, host, second, region, os, instance, held, sender: new Sender(hub, site) };
}

test("what the hub has lost comes back from a site that holds it, in whatever order it says so (rule 20)", async () => {
  const { hub: opened, site, host, second, region, os, instance, held, sender } = await restored();
  await using hub = opened;
  expect((await get(hub, `compute/hosts/${second}`)).status).toBe(404);
  const { body } = await sender.send([...[...held].reverse(), recovered(held.length)]);
  expect(body.outcomes.filter(({ result }: { result: string }) => result !== "applied")).toEqual([]);
  expect((await get(hub, `compute/hosts/${host}`)).body).toMatchObject({ name: "after" });
  expect((await get(hub, `compute/hosts/${second}`)).body).toMatchObject({
    name: "second",
    site: { resourceId: site.id },
  });
  expect((await get(hub, `regions/${region}`)).body).toMatchObject({ name: "later" });
  expect((await get(hub, `compute/instances/${instance}`)).body).toMatchObject({ os: { resourceId: os } });
  expect(await quarantineOf(hub, site)).toEqual([]);
});

test("the push may come in batches, be cut off anywhere, and come again (rules 7, 20)", async () => {
  const { hub: opened, site, host, second, held, sender } = await restored();
  await using hub = opened;
  for (const row of [...held].reverse()) {
    const batch = sender.seal([row]);
    const first = await sender.post(batch);
    await hub.restart({ samePort: true });
    expect((await sender.post(batch)).body).toEqual(first.body);
  }
  // The site crashed, took a snapshot of itself for the truth, and says all again in another life.
  const again = new Sender(hub, site, 2);
  await again.send(held);
  const reply = (await again.send([recovered(held.length)])).body as UplinkReply;
  expect(reply.position).toBe(await hub.hub.store.read(feedPosition));
  expect((await get(hub, `compute/hosts/${host}`)).body.name).toBe("after");
  expect((await get(hub, `compute/hosts/${second}`)).body.name).toBe("second");
  expect(await quarantineOf(hub, site)).toEqual([]);
});

test("another life of the hub in the middle of a push is told, and hears all anew (rule 20)", async () => {
  const { hub: opened, site, second, held, sender } = await restored();
  await using hub = opened;
  await sender.send(only(held, "instance"));
  await hub.hub.authority.beginEpoch();
  expect((await sender.send(held)).body).toMatchObject({ reason: "epoch", epoch: hub.hub.authority.epoch() });
  const anew = new Sender(hub, site);
  await anew.send([...held, recovered(held.length)]);
  expect((await get(hub, `compute/hosts/${second}`)).body.name).toBe("second");
  expect(await quarantineOf(hub, site)).toEqual([]);
});

test("a value that was written since the restore stands, and the site's is kept beside it in a conflict (rule 20)", async () => {
  const { hub: opened, host, held, sender } = await restored();
  await using hub = opened;
  await hub.ask("PATCH", `${AT}/compute/hosts/${host}`, { name: "anew" });
  await sender.send([...held, recovered(held.length)]);
  expect((await get(hub, `compute/hosts/${host}`)).body.name).toBe("anew");
  const { conflicts } = (await get(hub, "conflicts")).body;
  expect(conflicts).toMatchObject([{ resourceId: host, field: "name" }]);
  expect(conflicts[0].values.map(({ value }: { value: unknown }) => value).sort()).toEqual(["after", "anew"]);
});

test("what refers to something that nobody has is set aside at the end of the push, with its reason (rule 9)", async () => {
  const { hub: opened, site, instance, held, sender } = await restored();
  await using hub = opened;
  await sender.send(held.filter(({ kind }) => kind !== OperatingSystem.name));
  expect(await quarantineOf(hub, site)).toEqual([]);
  await sender.send([recovered(held.length)]);
  const [set, ...others] = await quarantineOf(hub, site);
  expect([others, set]).toMatchObject([[], { reason: expect.stringMatching(/not found/) }]);
  expect(JSON.parse(set?.entry ?? "{}")).toMatchObject({ type: "replica-row", id: instance });
});

test("a site that begins another life in the middle leaves nothing waiting for ever", async () => {
  const { hub: opened, site, held, sender } = await restored();
  await using hub = opened;
  await sender.send(only(held, "instance"));
  await new Sender(hub, site, 2).send([]);
  expect(await quarantineOf(hub, site)).toHaveLength(1);
});

test("what waited in an earlier life of the hub is forgotten: the site says it again in this one", async () => {
  const { hub: opened, site, held, sender } = await restored();
  await using hub = opened;
  await sender.send(only(held, "instance"));
  await hub.hub.authority.beginEpoch();
  await new Sender(hub, site).send([recovered(0)]);
  expect(await quarantineOf(hub, site)).toEqual([]);
});

test("once it has told all, a site tells nothing more of that kind (rule 20)", async () => {
  const { hub: opened, second, held, sender } = await restored();
  await using hub = opened;
  await sender.send([recovered(0)]);
  const { body } = await sender.send(held);
  for (const outcome of body.outcomes) expect(outcome).toMatchObject({ result: "applied", reason: expect.any(String) });
  expect((await get(hub, `compute/hosts/${second}`)).status).toBe(404);
});

test("a hub in its first life has lost nothing and takes nothing back", async () => {
  await using hub = await startTestHub();
  const site = await hub.site();
  const id = "host-00000001";
  const stamps = { name: { id: "w", epoch: hub.hub.authority.epoch(), generation: 1 } };
  const body = { tenant: site.tenant, generation: 1, createdAt: 1, updatedAt: 1, owner: site.id, stamps };
  const row = { type: "replica-row", scope: "site", kind: "host", id, body: { ...body, fields: { name: "mine" } } };
  expect((await new Sender(hub, site).send([row])).body.outcomes).toMatchObject([{ reason: expect.any(String) }]);
  expect((await get(hub, `compute/hosts/${id}`)).status).toBe(404);
});

test("a site gives back nothing of another project, and no machine of another site", async () => {
  const { hub: opened, site, host, second, held, sender } = await restored();
  await using hub = opened;
  const [row] = held.filter(({ id }) => id === second);
  const other = await hub.site();
  const said = [{ tenant: "22222222-2222-4222-8222-222222222222" }, { owner: other.id }].map((more) => {
    return { ...row, body: { ...row?.body, ...more } };
  });
  const foreign = { tenant: "22222222-2222-4222-8222-222222222222", hash: "h", machine: "m", at: 1 };
  const credential = { type: "replica-row", scope: "site", kind: "credential", id: host, body: foreign };
  expect((await sender.send([...said, credential])).body.outcomes).toMatchObject([
    { result: "quarantined", reason: expect.stringMatching(/tenant/) },
    { result: "quarantined", reason: expect.stringMatching(/managed by/) },
    { result: "quarantined", reason: expect.stringMatching(/tenant/) },
  ]);
  expect(await quarantineOf(hub, site)).toHaveLength(3);
  expect((await get(hub, `compute/hosts/${second}`)).status).toBe(404);
});

test("a machine that was let go does not return, nor do holds and commands of a hub that is no more (rules 15, 20)", async () => {
  const { hub: opened, site, host, held, sender } = await restored();
  await using hub = opened;
  const [row] = held.filter(({ id }) => id === host);
  const body = structuredClone(row?.body) as { stamps: Record<string, object>; fields: Record<string, unknown> };
  const stamp = { id: "w-deleted", epoch: hub.hub.authority.lineage()[0], generation: 9 };
  body.stamps.desiredState = stamp;
  body.fields.desiredState = "HOST_STATE_DELETED";
  const gone = { type: "let-go", kind: "host", id: host, reason: "deleted", stamp: stamp.id, body };
  const hold = { type: "replica-row", scope: "site", kind: "hold", id: site.id, body: { tenant: site.tenant } };
  await sender.send([gone, hold, { ...hold, kind: "command", id: "command-1" }, recovered(3)]);
  expect((await get(hub, `compute/hosts/${host}`)).status).toBe(404);
  expect(await quarantineOf(hub, site)).toEqual([]);
  expect((await replicaOf(hub, site)).filter(({ kind }) => kind !== "host").map(({ kind }) => kind)).not.toContain(
    "hold",
  );
});

test("by what machines are known and whom sites let in comes back too", async () => {
  const { hub: opened, site, second, held, sender } = await restored();
  await using hub = opened;
  const credential = { tenant: site.tenant, hash: "b".repeat(64), machine: "m", at: 5 };
  const known = { type: "replica-row", scope: "site", kind: "credential", id: second, body: credential };
  const [hash, name] = ["c".repeat(64), "carol"];
  const access = { tenant: site.tenant, name, role: "read", tokenHash: hash, notAfter: null, offlineSeconds: 60 };
  const token = { type: "replica-row", scope: "tenant", kind: "access", id: "token-00000000000000aa", body: access };
  await sender.send([known, token, ...held, recovered(held.length + 2)]);
  const rows = await replicaOf(hub, site);
  expect(only(rows, "credential")).toMatchObject([{ id: second, body: credential }]);
  expect(only(rows, "access").map(({ body }) => body.name)).toContain("carol");
  expect(await quarantineOf(hub, site)).toEqual([]);
});
