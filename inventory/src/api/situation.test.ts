import { Host, Instance, type Kind, OperatingSystem, Site } from "@holdfast/protocol";
import { describe, expect, test } from "vitest";
import { type Body, openApi } from "./api-under-test.ts";
import type { Notice, SiteContact } from "./situation.ts";

const NOW = Date.parse("2026-11-23T08:00:00Z");
const SEEN = NOW - 600_000;
const SINCE = NOW - 300_000;
const GREEN = "STATUS_INDICATION_IDLE";
const RED = "STATUS_INDICATION_ERROR";
const UNKNOWN = "Unknown since 2026-11-23T07:55:00Z (its site is silent)";

/** Two sites with a host and a running instance each, and what is known of the sites. */
async function twoSites() {
  const contacts = new Map<string, SiteContact>();
  const noticed = new Map<string, Notice>();
  const asked: (readonly string[])[] = [];
  const clock = { now: () => NOW, monotonic: () => NOW, sleep: async () => undefined };
  const api = await openApi({
    clock,
    situation: () => ({
      contactOf: (site) => contacts.get(site),
      silentSites: [...contacts].filter(([, each]) => each.silentSince !== undefined).map(([site]) => site),
      notices: async (ids) => {
        asked.push(ids);
        return noticed;
      },
    }),
  });
  const tenant = api.acme.id;
  const add = async (kind: Kind, fields: Readonly<Record<string, unknown>>) =>
    (await api.inventory.create(kind, { actor: "operator:w", tenant, fields })).resourceId;
  const osID = await add(OperatingSystem, { name: "os", profileName: "os", sha256: "a".repeat(64) });

  async function machine(name: string) {
    const site = await add(Site, { name });
    const host = await add(Host, { name, siteId: site });
    const instance = await add(Instance, { hostID: host, osID });
    return { site, host, instance };
  }

  async function sees(kind: Kind, site: string, id: string, fields: Readonly<Record<string, unknown>>) {
    const report = { kind, tenant, id, site, observedAt: SEEN, observedGeneration: 1, fields };
    await api.store.write((tx) => api.inventory.observeIn(tx, report));
  }

  const [oslo, bergen] = [await machine("oslo"), await machine("bergen")];
  for (const { site, host, instance } of [oslo, bergen]) {
    await sees(Host, site, host, {
      hostStatus: "Running",
      hostStatusIndicator: GREEN,
      currentPowerState: "POWER_STATE_ON",
      powerStatus: "Powered on",
      cpuModel: "a cpu",
    });
    await sees(Instance, site, instance, {
      currentState: "INSTANCE_STATE_RUNNING",
      instanceStatus: "Running",
      instanceStatusIndicator: GREEN,
    });
    contacts.set(site, { heardAt: NOW });
  }
  const names = async (query: string) => {
    const { hosts } = await api.done("GET", `compute/hosts?${query}`);
    return (hosts as Body[]).map(({ name }) => name).join(" ");
  };
  const silence = () => contacts.set(oslo.site, { heardAt: SINCE, silentSince: SINCE });
  return { ...api, contacts, noticed, asked, oslo, bergen, sees, names, silence };
}

const DARK = {
  hostStatus: UNKNOWN,
  hostStatusIndicator: "STATUS_INDICATION_UNSPECIFIED",
  currentPowerState: "POWER_STATE_UNSPECIFIED",
  powerStatus: UNKNOWN,
  cpuModel: "a cpu",
  observation: {
    at: "2026-11-23T07:50:00.000Z",
    ageSeconds: 600,
    heardAt: "2026-11-23T07:55:00.000Z",
    stale: true,
    unknownSince: "2026-11-23T07:55:00.000Z",
  },
};

describe("what is shown of machines (rule 13)", () => {
  test("is what their site saw, with its age, while the site is heard", async () => {
    await using api = await twoSites();
    const shown = await api.done("GET", `compute/hosts/${api.oslo.host}`);
    expect(shown).toMatchObject({ hostStatus: "Running", hostStatusIndicator: GREEN });
    expect(shown.observation).toEqual({
      site: api.oslo.site,
      at: "2026-11-23T07:50:00.000Z",
      ageSeconds: 600,
      heardAt: "2026-11-23T08:00:00.000Z",
      stale: false,
    });
  });

  test("is unknown since then when it is silent: alone, in lists, and where they are embedded", async () => {
    await using api = await twoSites();
    api.silence();
    expect(await api.done("GET", `compute/hosts/${api.oslo.host}`)).toMatchObject(DARK);
    const { hosts } = await api.done("GET", "compute/hosts?orderBy=name");
    expect(hosts).toMatchObject([{ hostStatus: "Running", observation: { stale: false } }, DARK]);
    const instance = await api.done("GET", `compute/instances/${api.oslo.instance}`);
    expect(instance).toMatchObject({
      currentState: "INSTANCE_STATE_RUNNING",
      instanceStatus: UNKNOWN,
      instanceStatusIndicator: "STATUS_INDICATION_UNSPECIFIED",
      observation: { stale: true },
      host: DARK,
    });
    expect(await api.done("GET", `compute/hosts/${api.oslo.host}`)).toMatchObject({
      instance: { instanceStatus: UNKNOWN, observation: { stale: true } },
    });
    const { instances } = await api.done("GET", "compute/instances");
    expect((instances as { instanceStatus: string }[]).map((each) => each.instanceStatus).toSorted()).toEqual([
      "Running",
      UNKNOWN,
    ]);
  });

  test("no answer to any question shows the green of a silent site", async () => {
    await using api = await twoSites();
    api.silence();
    for (const path of ["compute/hosts", "compute/instances", `compute/hosts/${api.oslo.host}`]) {
      const { text } = await api.ask("GET", path);
      const oslos = text.split(/(?=\{"resourceId":"(?:host|inst)-)/).filter((part) => part.includes(api.oslo.site));
      expect(oslos.length).toBeGreaterThan(0);
      for (const part of oslos) expect(part).not.toContain(GREEN);
    }
  });

  test("is found by what is shown, and never by what was seen last", async () => {
    await using api = await twoSites();
    api.silence();
    expect(await api.names("filter=hostStatusIndicator=STATUS_INDICATION_IDLE")).toBe("bergen");
    expect(await api.names("filter=currentPowerState=POWER_STATE_ON")).toBe("bergen");
    expect(await api.names('filter=hostStatus="Running"')).toBe("bergen");
    expect(await api.names('filter=hostStatus="Unknown since"')).toBe("oslo");
    expect(await api.names('filter=NOT hostStatus="Running"')).toBe("oslo");
    expect(await api.names('filter=instance.instanceStatus="Running"')).toBe("bergen");
    expect(await api.names("orderBy=hostStatus desc")).toBe("oslo bergen");
    expect(await api.names("orderBy=hostStatus")).toBe("bergen oslo");
  });

  test("is counted as unknown, and neither as running nor as failing", async () => {
    await using api = await twoSites();
    await api.sees(Host, api.oslo.site, api.oslo.host, { hostStatus: "Broken", hostStatusIndicator: RED });
    const summary = () => api.done("GET", "compute/hosts/summary");
    expect(await summary()).toEqual({ total: 2, error: 1, running: 1, unallocated: 0, unknown: 0 });
    api.silence();
    expect(await summary()).toEqual({ total: 2, error: 0, running: 1, unallocated: 0, unknown: 1 });
    api.contacts.set(api.bergen.site, { heardAt: SINCE, silentSince: SINCE });
    expect(await summary()).toEqual({ total: 2, error: 0, running: 0, unallocated: 0, unknown: 2 });
  });

  test("is what there is at a site that was never heard: nothing of it came from there", async () => {
    await using api = await twoSites();
    api.contacts.clear();
    const shown = await api.done("GET", `compute/hosts/${api.oslo.host}`);
    expect(shown).toMatchObject({ hostStatus: "Running", observation: { stale: false } });
    expect(shown.observation).not.toHaveProperty("heardAt");
  });

  test("is unknown too of a host that a silent site manages and has never seen", async () => {
    await using api = await twoSites();
    api.silence();
    const fields = { name: "new", siteId: api.oslo.site };
    const { resourceId } = await api.done("POST", "compute/hosts", fields);
    expect(await api.done("GET", `compute/hosts/${String(resourceId)}`)).toMatchObject({
      hostStatus: UNKNOWN,
      observation: { site: api.oslo.site, heardAt: "2026-11-23T07:55:00.000Z", stale: true },
    });
  });

  test("is unknown since the first of two silent sites fell silent, of a machine that went from one to the other", async () => {
    await using api = await twoSites();
    const { oslo, bergen } = api;
    const stored = await api.store.read((view) => view.get(Host, api.acme.id, oslo.host));
    if (stored) await api.store.write((tx) => tx.replace(Host, { ...stored, owner: bergen.site }));
    for (const [site, since] of [
      [oslo.site, SINCE],
      [bergen.site, NOW - 60_000],
    ] as const) {
      api.contacts.set(site, { heardAt: since, silentSince: since });
      expect(await api.done("GET", `compute/hosts/${oslo.host}`)).toMatchObject({ hostStatus: UNKNOWN });
      expect(await api.names('filter=hostStatus="07:55:00"')).toBe("oslo");
    }
    api.contacts.set(oslo.site, { heardAt: NOW });
    expect(await api.done("GET", `compute/hosts/${oslo.host}`)).toMatchObject({
      hostStatus: "Unknown since 2026-11-23T07:59:00Z (its site is silent)",
      observation: { site: oslo.site, stale: true, heardAt: "2026-11-23T08:00:00.000Z" },
    });
  });

  test("can be sent back whole", async () => {
    await using api = await twoSites();
    api.silence();
    api.noticed.set(api.oslo.host, { misplaced: { siteId: api.bergen.site, since: SINCE }, openConflicts: 2 });
    const path = `compute/hosts/${api.oslo.host}`;
    const shown = await api.done("GET", path);
    api.noticed.clear();
    expect(await api.done("PUT", path, { ...shown, name: "renamed" })).toMatchObject({ name: "renamed" });
    const { generation: _, ...claim }: Body = { ...shown, hostStatus: "Running" };
    expect((await api.ask("PUT", path, { body: claim })).body.message).toContain("hostStatus");
  });

  test("says which group was seen by whom, and when", async () => {
    await using api = await twoSites();
    const stored = await api.store.read((view) => view.get(Host, api.acme.id, api.oslo.host));
    const observedSources = { hardware: { source: "agent", at: SEEN - 5_000 }, status: { source: "site", at: SEEN } };
    if (stored) await api.store.write((tx) => tx.replace(Host, { ...stored, observedSources }));
    expect((await api.done("GET", `compute/hosts/${api.oslo.host}`)).observation).toMatchObject({
      groups: {
        hardware: { source: "agent", at: "2026-11-23T07:49:55.000Z", ageSeconds: 605 },
        status: { source: "site", at: "2026-11-23T07:50:00.000Z", ageSeconds: 600 },
      },
    });
  });
});

test("a host says that it is misplaced, and how many conflicts about it are open, also where it is embedded", async () => {
  await using api = await twoSites();
  const { host, instance } = api.oslo;
  expect(await api.done("GET", `compute/hosts/${host}`)).not.toHaveProperty("openConflicts");
  api.noticed.set(host, { misplaced: { siteId: api.bergen.site, since: SINCE }, openConflicts: 2 });
  const said = { misplaced: { siteId: api.bergen.site, since: "2026-11-23T07:55:00.000Z" }, openConflicts: 2 };
  expect(await api.done("GET", `compute/hosts/${host}`)).toMatchObject(said);
  expect(await api.done("GET", `compute/instances/${instance}`)).toMatchObject({ host: said });
  expect(await api.done("GET", "compute/hosts?orderBy=name")).toMatchObject({ hosts: [{ name: "bergen" }, said] });
  expect(new Set(api.asked.at(-1))).toEqual(new Set([host, instance, api.bergen.host, api.bergen.instance]));
});
