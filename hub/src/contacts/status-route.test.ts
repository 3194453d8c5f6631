import { CONTACT_EVERY, offerHeaders } from "@holdfast/protocol";
import { systemClock } from "@holdfast/runtime";
import { describe, expect, test } from "vitest";
import { Sender, startTestHub, type TestSite, until } from "../hub-harness.ts";
import type { HubTables } from "../tables.ts";

/** A clock at the usual pace that can be put forward. */
function movedClock() {
  let ahead = 0;
  const clock = {
    now: () => systemClock.now() + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    sleep: systemClock.sleep,
  };
  const move = (milliseconds: number) => {
    ahead += milliseconds;
  };
  return { clock, move };
}

/** A hub with a site that has reported one green host. */
async function withGreenHost() {
  const { clock, move } = movedClock();
  const hub = await startTestHub({ clock });
  const site = await hub.site();
  const { body: host } = await hub.ask("POST", "/v1/projects/default/compute/hosts", { name: "a", siteId: site.id });
  const path = `/v1/projects/default/compute/hosts/${String(host.resourceId)}`;
  const sender = new Sender(hub, site);
  const fields = { hostStatus: "Running", hostStatusIndicator: "STATUS_INDICATION_IDLE" };
  const state = { type: "state", kind: "host", id: host.resourceId, observedAt: clock.now(), observedGeneration: 1 };
  const says = () => sender.send([{ ...state, fields }]);
  expect((await says()).status).toBe(200);
  return {
    ...hub,
    hub: hub.hub,
    restart: hub.restart,
    ask: hub.ask,
    clock,
    move,
    site,
    says,
    hostId: String(host.resourceId),
    host: async () => (await hub.ask("GET", path)).body,
    status: async () => (await hub.ask("GET", `/v1/projects/default/sites/${site.id}/status`)).body,
  };
}

/** Holds a shape of the site open. Returns how to let go. */
async function follow(url: string, { id, headers }: TestSite): Promise<() => void> {
  const over = new AbortController();
  const shape = `${url}/v1/shape?table=feed&where=${encodeURIComponent(`scope='site:${id}'`)}`;
  const first = await fetch(`${shape}&offset=-1`, { headers });
  await first.text();
  const at = `&offset=${first.headers.get("electric-offset")}&handle=${first.headers.get("electric-handle")}`;
  await fetch(`${shape}${at}&live=true&live_sse=true`, { headers, signal: over.signal });
  return () => over.abort();
}

describe("a site's machines (rule 13)", () => {
  test("are unknown half a minute after the site has said its last word, and known again by its next", async () => {
    await using hub = await withGreenHost();
    expect(await hub.host()).toMatchObject({ hostStatus: "Running", observation: { site: hub.site.id, stale: false } });
    expect(await hub.status()).toMatchObject({ heardAt: expect.any(String), silentSince: null, protocol: 2 });
    hub.move(31_000);
    const { heardAt, silentSince } = await hub.status();
    expect(silentSince).toBe(heardAt);
    expect(await hub.host()).toMatchObject({
      hostStatus: `Unknown since ${silentSince.slice(0, 19)}Z (its site is silent)`,
      hostStatusIndicator: "STATUS_INDICATION_UNSPECIFIED",
      observation: { stale: true, unknownSince: silentSince, heardAt },
    });
    const found = "/v1/projects/default/compute/hosts?filter=hostStatusIndicator=STATUS_INDICATION_IDLE";
    expect((await hub.ask("GET", found)).body.hosts).toEqual([]);
    await hub.says();
    expect(await hub.host()).toMatchObject({ hostStatus: "Running", observation: { stale: false } });
    expect((await hub.ask("GET", found)).body.totalElements).toBe(1);
  });

  test("are known while the site follows the hub, and not by a request that something else holds open", async () => {
    await using hub = await withGreenHost();
    const letGo = await follow(hub.hub.url, hub.site);
    hub.move(CONTACT_EVERY);
    expect(await hub.status()).toMatchObject({ silentSince: null, openRequests: 1 });
    expect(await hub.host()).toMatchObject({ hostStatus: "Running" });
    hub.move(2 * CONTACT_EVERY + 1_000);
    expect(await hub.host()).toMatchObject({ observation: { stale: true } });
    await hub.ask("POST", `/v1/sites/${hub.site.id}/contact`, {}, hub.site.token);
    expect(await hub.host()).toMatchObject({ observation: { stale: false } });
    letGo();
    await until("the hub notices", async () => (await hub.status()).openRequests === 0);
    hub.move(31_000);
    expect(await hub.host()).toMatchObject({ observation: { stale: true } });
  });

  test("are unknown when the hub starts, until the site says something", async () => {
    await using hub = await withGreenHost();
    const { heardAt } = await hub.status();
    await hub.restart({ samePort: true });
    const { silentSince } = await hub.status();
    expect(Date.parse(silentSince)).toBeGreaterThanOrEqual(Date.parse(heardAt));
    expect(await hub.host()).toMatchObject({ observation: { stale: true } });
    await hub.says();
    expect(await hub.status()).toMatchObject({ silentSince: null });
  });

  test("are where they were when the site was never heard", async () => {
    await using hub = await startTestHub();
    const site = (await hub.ask("POST", "/v1/projects/default/sites", { name: "Oslo" })).body.resourceId;
    const hosts = "/v1/projects/default/compute/hosts";
    const { body } = await hub.ask("POST", hosts, { name: "a", siteId: site });
    expect((await hub.ask("GET", `${hosts}/${body.resourceId}`)).body).toMatchObject({ hostStatus: "Not Connected" });
    expect((await hub.ask("GET", `/v1/projects/default/sites/${site}/status`)).body).toMatchObject({
      heardAt: null,
      silentSince: null,
      stream: null,
      hold: null,
      openConflicts: 0,
    });
  });
});

test("a site whose version is not served shows why, and is not heard by asking (rule 23)", async () => {
  await using hub = await withGreenHost();
  hub.move(60_000);
  const headers = { ...hub.site.headers, ...offerHeaders({ version: 99, capabilities: [] }) };
  expect((await fetch(`${hub.hub.url}/v1/sites/self`, { headers })).status).toBe(426);
  const { refused, protocol, silentSince } = await hub.status();
  expect(refused.reason).toContain("upgrade the hub first");
  expect([protocol, silentSince]).toEqual([99, expect.any(String)]);
  await hub.says();
  expect(await hub.status()).toMatchObject({ refused: null, protocol: 2, silentSince: null });
});

test("a stranger's version leaves nothing behind", async () => {
  await using hub = await startTestHub();
  const headers = { authorization: "Bearer hfs_nobody-knows-this", ...offerHeaders({ version: 99, capabilities: [] }) };
  expect((await fetch(`${hub.url}/v1/sites/self`, { headers })).status).toBe(426);
});

test("hosts and the site's status show what waits for an operator", async () => {
  await using hub = await withGreenHost();
  const { tenant, id: site } = hub.site;
  await hub.hub.store.write(async (tx) => {
    const tables = tx.tables<HubTables>();
    const open = {
      tenant,
      kind: "host",
      resource_id: hub.hostId,
      opened_at: 1,
      scopes: JSON.stringify([`site:${site}`]),
    };
    for (const field of ["name", "metadata"]) {
      await tables
        .insertInto("open_conflict")
        .values({ ...open, id: `conflict-${field}`, field })
        .execute();
    }
    const arrival = { tenant, host: hub.hostId, site: "site-ffffffff", machine: "m", since: 1_000, seen_at: 2_000 };
    await tables.insertInto("arrival").values(arrival).execute();
    const hold = { site, hold: "hold-1", tenant, reason: "hub-restored", since: 3_000 };
    await tables.insertInto("hub_hold").values(hold).execute();
  });
  expect(await hub.host()).toMatchObject({
    openConflicts: 2,
    misplaced: { siteId: "site-ffffffff", since: "1970-01-01T00:00:01.000Z" },
  });
  expect(await hub.status()).toMatchObject({
    openConflicts: 2,
    hold: { id: "hold-1", reason: "hub-restored", since: "1970-01-01T00:00:03.000Z" },
  });
});
