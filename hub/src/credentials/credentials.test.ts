import { Host, siteScope } from "@holdfast/protocol";
import { expect, test } from "vitest";
import { Sender, startTestHub, type TestHub, type TestSite } from "../hub-harness.ts";

const HOSTS = "/v1/projects/default/compute/hosts";
const credential = (hostId: string, hash: string | null, at = 1) => {
  return { type: "credential", hostId, hash, machine: "machine-1", at };
};

/** By what a site's feed says that a host's machine is known; null when it said so once. */
async function shown(hub: TestHub, { id }: TestSite, host: string) {
  const { rows } = await hub.hub.store.read((view) => view.feed(siteScope(id), 0, 1_000));
  const row = rows.find((each) => each.kind === "credential" && each.id === host);
  return row && (JSON.parse(row.body ?? "null")?.hash ?? null);
}

async function start() {
  const hub = await startTestHub();
  const [site, other] = [await hub.site(), await hub.site()];
  const { body } = await hub.ask("POST", HOSTS, { name: "one", siteId: site.id });
  return { hub, site, other, sender: new Sender(hub, site), host: body.resourceId as string };
}

/** Id of the write that set an intent field of a host last. */
async function stampOf(hub: TestHub, { tenant }: TestSite, host: string, field: string): Promise<string> {
  const resource = await hub.hub.store.read((view) => view.get(Host, tenant, host));
  return resource?.stamps[field]?.id ?? "";
}

test("by what a machine is known stands in the feed of the site that manages it, until it is expelled", async () => {
  const { hub: opened, site, sender, host } = await start();
  await using hub = opened;
  expect((await sender.send([credential(host, "1".repeat(64))])).body.outcomes).toEqual([]);
  expect(await shown(hub, site, host)).toBe("1".repeat(64));
  await sender.send([credential(host, "2".repeat(64), 2)]);
  expect(await shown(hub, site, host)).toBe("2".repeat(64));
  await sender.send([credential(host, null, 3)]);
  expect(await shown(hub, site, host)).toBeNull();
});

test("it goes where its host goes (rule 14)", async () => {
  const { hub: opened, site, other, sender, host } = await start();
  await using hub = opened;
  await sender.send([credential(host, "1".repeat(64))]);
  await hub.ask("PATCH", `${HOSTS}/${host}`, { siteId: other.id });
  expect([await shown(hub, site, host), await shown(hub, other, host)]).toEqual(["1".repeat(64), undefined]);
  const stamp = await stampOf(hub, site, host, "siteId");
  await sender.send([{ type: "release", kind: "host", id: host, reason: "moved", stamp }]);
  expect([await shown(hub, site, host), await shown(hub, other, host)]).toEqual([null, "1".repeat(64)]);
});

test("it is gone with its host", async () => {
  const { hub: opened, site, sender, host } = await start();
  await using hub = opened;
  await sender.send([credential(host, "1".repeat(64))]);
  await hub.ask("DELETE", `${HOSTS}/${host}`);
  const stamp = await stampOf(hub, site, host, "desiredState");
  await sender.send([{ type: "release", kind: "host", id: host, reason: "deleted", stamp }, credential(host, null)]);
  expect(await shown(hub, site, host)).toBeNull();
  const { body } = await hub.ask("GET", `/v1/projects/default/sites/${site.id}/quarantine`);
  expect(body.entries).toEqual([]);
});

test("another site says nothing of it (rule 14), and of a host that is not there nothing is kept", async () => {
  const { hub: opened, site, other, sender, host } = await start();
  await using hub = opened;
  await sender.send([credential(host, "1".repeat(64))]);
  const { body } = await new Sender(hub, other).send([credential(host, "stolen"), credential("host-7fffffff", "x")]);
  expect(body.outcomes).toMatchObject([
    { seq: 1, result: "applied", reason: expect.stringMatching(/does not manage/) },
    { seq: 2, result: "quarantined", reason: expect.stringMatching(/not found/) },
  ]);
  expect([await shown(hub, site, host), await shown(hub, other, host)]).toEqual(["1".repeat(64), undefined]);
});
